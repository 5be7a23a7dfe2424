import type { BottleneckPort, Exec, Logger } from '../core/index.ts';

/** Where experiments run: `mininet` is the real one, `local` runs on loopback without privileges. */
export type LabKind = 'mininet' | 'local';

/** The emulated network that a laboratory is to build. */
export interface LabTopology {
  /** `dumbbell`: one bottleneck. `dual-path`: two, of which a controller may use both. */
  readonly name: 'dumbbell' | 'dual-path';
  /** Rate that the bottleneck's ports are to be held to, bits per second. The lab shapes nothing itself. */
  readonly rateBps: number;
  /** One-way delay of the bottleneck link. */
  readonly delayMs: number;
  /** How many packets may wait at the bottleneck when no class is told apart. */
  readonly queuePackets: number;
  /** The hosts that are needed, such as `left1` and `right2`; those with lower numbers are built too. */
  readonly nodes: readonly string[];
  /**
   * True: the switches look for a controller (`openController`). Until it speaks, and while it is away, they forward as
   * they were told last, at first everything over the primary path.
   */
  readonly controller?: boolean;
}

/** A switch's port that leads to another switch: one direction of a link. */
export interface LabLink {
  /** `FROM>TO`, such as `s1>s2`. */
  readonly id: string;
  /** The switch that sends over it. */
  readonly node: string;
  /** The interface at which it is shaped. */
  readonly device: string;
  /** Rate that it is to be held to, bits per second; null where it is no bottleneck. */
  readonly rateBps: number | null;
  /** The label of its port in `Lab.ports`; null where it is no bottleneck. */
  readonly portLabel: string | null;
}

/** One of the ways between the two switches at which hosts stand. */
export interface LayoutPath {
  /** Such as `primary`. */
  readonly id: string;
  readonly default: boolean;
  /** The switches at its ends. */
  readonly between: readonly [string, string];
  /** The directed links from the first end to the second, in order. */
  readonly forward: readonly string[];
  /** And back. */
  readonly backward: readonly string[];
}

/** What a controller has to know about a network. */
export interface NetworkLayout {
  readonly switches: readonly { readonly name: string; readonly dpid: number }[];
  readonly links: readonly {
    readonly id: string;
    readonly from: string;
    readonly to: string;
    /** OpenFlow's number of the port. */
    readonly port: number;
    readonly device: string;
    readonly rateBps: number | null;
    readonly portLabel: string | null;
  }[];
  readonly hosts: readonly {
    readonly name: string;
    readonly addresses: readonly string[];
    readonly mac: string;
    readonly switch: string;
    readonly port: number;
  }[];
  readonly paths: readonly LayoutPath[];
}

/** How a laboratory is opened. */
export interface LabOptions {
  readonly kind: LabKind;
  readonly topology: LabTopology;
  /** An existing folder for the laboratory's own logs. */
  readonly logDirectory: string;
  readonly logger: Logger;
}

/** A host of the laboratory. */
export interface LabNode {
  /** IPv4 address in the emulated network; an own loopback address in the local lab. */
  readonly address: string;
  readonly address6?: string;
}

/** A line that a process printed on standard output: a JSON object, or `{text}` where it is something else. */
export type LabLine = Readonly<Record<string, unknown>>;

/** How a process ended. */
export interface LabExit {
  readonly exitCode?: number;
  readonly signal?: string;
}

/** How a process of an experiment is started. */
export interface SpawnOptions {
  /** Added to the runner's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where its standard error is appended to. */
  readonly stderrFile: string;
  /** Called for each line of standard output, in order. */
  onLine?(line: LabLine): void;
}

/** A process that runs beside the experiment until it is ended. It never outlives its laboratory. */
export interface LabProcess {
  readonly id: number;
  /** Never rejects. A process that the laboratory took down with it counts as ended by SIGKILL. */
  readonly exited: Promise<LabExit>;
  /** Sends a signal to the process itself; does nothing when it has ended. */
  signal(name: NodeJS.Signals): Promise<void>;
  /**
   * Resolves with the first line that satisfies the predicate, lines that came before the call included (the last
   * 1,000). Rejects with LAB_PROCESS_DIED when the process ends or says nothing of the kind in time, and with ABORTED.
   */
  waitForLine(
    predicate: (line: LabLine) => boolean,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<LabLine>;
}

/** An open laboratory. */
export interface Lab {
  readonly kind: LabKind;
  /** The hosts by name. Switches (`s1`) and wires (`delay`) are no hosts, but `execOn` and `spawn` know them. */
  readonly nodes: Readonly<Record<string, LabNode>>;
  /** Both directions of each bottleneck, the primary path first; empty where nothing can be shaped. */
  readonly ports: readonly BottleneckPort[];
  /** Both directions of every link between switches; empty where there are none. */
  readonly links: readonly LabLink[];
  /** What its controller is told; undefined where there are no switches. */
  readonly layout: NetworkLayout | undefined;
  /** What this laboratory does not offer and why, in sentences for people. */
  readonly limitations: readonly string[];
  /** Fires when the laboratory breaks before `close`; its reason is a PriomeshError LAB_FAILED that names the log. */
  readonly failed: AbortSignal;
  /** Runs commands in a node's namespaces. */
  execOn(node: string): Exec;
  /** Starts a program (found on the PATH) in a node. Rejects with COMMAND_FAILED when it cannot be started. */
  spawn(node: string, argv: readonly [string, ...string[]], options: SpawnOptions): Promise<LabProcess>;
  /** Ends every process and takes the network down. Safe to call twice. */
  close(): Promise<void>;
}
