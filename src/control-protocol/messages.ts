/**
 * The messages of `proto/priomesh/control/v1/control.proto` as the protobuf library hands them out and takes them: names in camel
 * case, 64-bit integers as numbers, absent fields with their defaults. What came from a peer is checked by `read.ts` before anything believes it.
 */
export interface WireEndpoint {
  readonly host: string;
  readonly port: number;
  /** 0 or absent: 1. */
  readonly weight?: number;
  readonly region?: string;
  readonly zone?: string;
}

/** A sidecar says that it is about to go. */
export interface DrainRequest {
  readonly service: string;
  readonly endpoint?: WireEndpoint | null;
  readonly instance: string;
}

/** Whether all who follow have been told. */
export interface DrainResponse {
  readonly told: boolean;
}

/** What a sidecar says of itself when it begins to follow. */
export interface WatchRequest {
  readonly service: string;
  readonly node: string;
  readonly endpoint?: WireEndpoint | null;
  readonly instance: string;
}

export interface WireClass {
  readonly name: string;
  readonly level: number;
  readonly queueingDelayMs: number;
  readonly utilization: number;
  readonly lossRatio: number;
}

export interface WireHint {
  readonly link: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly ttlMs: number;
  readonly down: boolean;
  readonly classes: readonly WireClass[];
  /** 0 or absent where it is not known. */
  readonly utilization?: number;
}

export interface WireHints {
  readonly hints: readonly WireHint[];
}

export interface WirePaths {
  readonly groups: readonly {
    readonly peers: readonly string[];
    readonly paths: readonly { readonly id: string; readonly links: readonly string[] }[];
  }[];
}

export interface WireRegistry {
  readonly whole: boolean;
  readonly endpoints: readonly {
    readonly service: string;
    readonly host: string;
    readonly port: number;
    readonly healthy: boolean;
    readonly gone: boolean;
    /** 0 or absent: 1. */
    readonly weight?: number;
    readonly region?: string;
    readonly zone?: string;
    readonly draining?: boolean;
  }[];
}

export interface WireSnapshot {
  readonly epoch: number;
  readonly keepaliveMs: number;
  readonly paths?: WirePaths | null;
  readonly registry?: WireRegistry | null;
  readonly hints?: WireHints | null;
}

/** One of its members is there. */
export interface WatchResponse {
  /** Which one; said of a message that was received. */
  readonly content?: string;
  readonly snapshot?: WireSnapshot | null;
  readonly hints?: WireHints | null;
  readonly paths?: WirePaths | null;
  readonly registry?: WireRegistry | null;
  readonly keepalive?: Readonly<Record<string, never>> | null;
}

export interface WireTopology {
  readonly epoch: number;
  readonly switches: readonly { readonly name: string; readonly dpid: string; readonly connected: boolean }[];
  readonly links: readonly {
    readonly id: string;
    readonly from: string;
    readonly to: string;
    readonly port: number;
    readonly device: string;
    readonly rateBps?: number;
    readonly up: boolean;
  }[];
  readonly hosts: readonly {
    readonly name: string;
    readonly addresses: readonly string[];
    readonly switch: string;
  }[];
  readonly paths: readonly {
    readonly id: string;
    readonly default: boolean;
    readonly between: readonly string[];
    readonly forward: readonly string[];
    readonly backward: readonly string[];
  }[];
}

/** One of its members is there. */
export interface ReportRequest {
  readonly topology?: WireTopology | null;
  readonly hints?: WireHints | null;
}

/** What became of a Report stream's hints. */
export interface ReportSummary {
  readonly hintsTaken: number;
  readonly hintsDropped: number;
}
