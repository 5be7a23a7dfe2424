/** A switch of the network. */
export interface TopologySwitch {
  readonly name: string;
  /** The datapath id, hexadecimal digits. */
  readonly dpid: string;
  readonly connected: boolean;
}

/** A directed link: what one switch sends to another through one of its ports. */
export interface TopologyLink {
  /** `FROM>TO`, such as `s1>s2`. */
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** The number of the port that it leaves. */
  readonly port: number;
  /** The network device of the port; empty where it is not known. */
  readonly device: string;
  /** Bits a second; null where it is not known. */
  readonly rateBps: number | null;
  readonly up: boolean;
}

/** A host, and the switch that it is connected to. */
export interface TopologyHost {
  readonly name: string;
  /** IP literals. */
  readonly addresses: readonly string[];
  readonly switch: string;
}

/** A way between two switches. */
export interface TopologyPath {
  readonly id: string;
  /** Whether packets take it that nothing sends elsewhere. */
  readonly default: boolean;
  /** The switches at its ends. */
  readonly between: readonly [string, string];
  /** Links from the first end to the second. */
  readonly forward: readonly string[];
  /** Links from the second end to the first. */
  readonly backward: readonly string[];
}

/** The network, in the shape in which the northbound interface of our controller tells it. */
export interface Topology {
  /** The start of the controller, milliseconds since 1970. */
  readonly epoch: number;
  readonly switches: readonly TopologySwitch[];
  readonly links: readonly TopologyLink[];
  readonly hosts: readonly TopologyHost[];
  readonly paths: readonly TopologyPath[];
}
