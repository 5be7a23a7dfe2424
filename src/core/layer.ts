import type { Exec } from './exec.ts';
import type { LayerName, Policy } from './policy.ts';

/** What this machine, and this user on it, can do. Filled by the probes of the layers' own folders. */
export interface Platform {
  /** Congestion-control algorithms that a socket of ours can be given. */
  readonly congestionControls: readonly string[];
  /** Whether socket options can be set at all (the FFI library loads). */
  readonly socketOptions: boolean;
  /** Whether SO_MAX_PACING_RATE takes effect on TCP. */
  readonly pacing: boolean;
  /** Queueing disciplines that tc(8) can create here. */
  readonly qdiscs: readonly string[];
  /** Filters that tc(8) can create here. */
  readonly filters: readonly string[];
  /** Whether tc(8) may change interfaces where the experiment runs. */
  readonly trafficControl: boolean;
  /** The version of RabbitMQ that the laboratory can start, such as 3.10.8; absent where none is installed. */
  readonly rabbitmqVersion?: string;
}

/** An interface that can become a bottleneck, and the rate it is held to. */
export interface BottleneckPort {
  /** A name for people: `bottleneck, right to left`. */
  readonly label: string;
  /** The laboratory's node whose namespace holds the interface. */
  readonly node: string;
  readonly device: string;
  readonly rateBps: number;
  /** How many packets may wait when no class is told apart. */
  readonly queuePackets: number;
}

/** What a layer plans for: the places it may act on, and what holds when it is off. */
export interface Site {
  readonly ports: readonly BottleneckPort[];
  /** The nodes that run a sidecar. */
  readonly sidecarNodes: readonly string[];
  /** The node that runs the message broker; absent where there is none. */
  readonly brokerNode?: string;
  /** The congestion control of every socket when the transport layer is off. */
  readonly baselineCongestionControl: string;
}

/** One thing that a layer would do. */
export interface PlanStep {
  /** In words. */
  readonly what: string;
  /** Where: a node of the laboratory, or `sidecar` for what the sidecars do by themselves. */
  readonly where: string;
  /** The exact command, where there is one. */
  readonly command?: readonly [string, ...string[]];
  /** The exact command that takes it back. */
  readonly undo?: readonly [string, ...string[]];
}

/** Something that the policy asks for and this machine cannot give. */
export interface Limitation {
  readonly what: string;
  readonly why: string;
  /** What happens instead. */
  readonly instead: string;
}

/** What a layer would do for a policy on a platform: a pure value that can be printed, compared and tested. */
export interface LayerPlan {
  readonly layer: LayerName;
  readonly summary: string;
  readonly steps: readonly PlanStep[];
  readonly limitations: readonly Limitation[];
  /** False when nothing of this column can be served here. */
  readonly served: boolean;
}

/** Takes back what an action did. Safe to call twice. */
export type Undo = () => Promise<void>;

/** What a layer acts through. */
export interface LayerContext {
  execOn(node: string): Exec;
  readonly signal: AbortSignal;
}

/** One column of the policy table. Planning is pure; applying does what the plan says and hands back the undo. */
export interface Layer {
  readonly name: LayerName;
  plan(policy: Policy, platform: Platform, site: Site): LayerPlan;
  apply(plan: LayerPlan, context: LayerContext): Promise<Undo>;
}
