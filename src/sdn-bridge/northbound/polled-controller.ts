/** A switch as a controller knows it. */
export interface PolledSwitch {
  /** 16 hexadecimal digits. */
  readonly dpid: string;
  readonly connected: boolean;
}

/** A directed link as a controller knows it. */
export interface PolledLink {
  readonly from: string;
  readonly port: number;
  readonly to: string;
  /** The interface of the port; empty where the controller does not tell. */
  readonly device: string;
  readonly up: boolean;
}

/** A host as a controller knows it. */
export interface PolledHost {
  /** The address that frames for it are sent to; six pairs of lower-case hexadecimal digits. */
  readonly mac: string;
  readonly addresses: readonly string[];
  readonly dpid: string;
}

/** A network as a controller knows it. */
export interface PolledNetwork {
  readonly switches: readonly PolledSwitch[];
  readonly links: readonly PolledLink[];
  readonly hosts: readonly PolledHost[];
}

/** Counters of a port since the switch started. */
export interface PolledPort {
  readonly dpid: string;
  readonly port: number;
  readonly bytes: number;
  readonly packets: number;
  readonly drops: number;
}

/** A flow at a switch that sends frames for a host, with a DSCP value, out of a port. */
export interface SteeringFlow {
  readonly dpid: string;
  readonly protocol: 'ipv4' | 'ipv6';
  readonly dscp: number;
  readonly mac: string;
  readonly port: number;
}

/** A flow that is there. */
export interface InstalledFlow extends SteeringFlow {
  /** By which the controller knows it, where it needs that to take it out. */
  readonly id: string;
}

/** What the client of a controller that has to be asked again and again is made of. Each member rejects with NORTHBOUND_FAILED. */
export interface PolledController {
  readonly name: string;
  network(): Promise<PolledNetwork>;
  ports(dpids: readonly string[]): Promise<readonly PolledPort[]>;
  /** Those that {@link install} made, by whomever it was called. */
  flows(dpids: readonly string[]): Promise<readonly InstalledFlow[]>;
  /** Replaces a flow that differs in the port only. */
  install(flow: SteeringFlow): Promise<void>;
  remove(flow: InstalledFlow): Promise<void>;
  close(): Promise<void>;
}

/** The priority of steering flows: above those that controllers forward by. */
export const STEERING_PRIORITY = 40_000;
/** ETH_TYPE of the protocols whose packets have a DSCP. */
export const ETHER_TYPES = { ipv4: 0x0800, ipv6: 0x86dd } as const;
