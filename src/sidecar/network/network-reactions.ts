import type { SidecarConfig } from '../../config/index.ts';
import {
  type Clock,
  type Hint,
  hostAddress,
  type Logger,
  type Move,
  type NetworkPath,
  type Random,
} from '../../core/index.ts';
import { AdmissionControl, HintTable, PathChooser, ReplicaChooser } from '../../reactions/index.ts';
import type { ConnectionProfile, Transport } from '../../transport/index.ts';
import type { ControlEvents, ControlStream, openControlStream, RegistryEndpoint } from '../control/index.ts';
import { Timeout, type TimerWheel, type Timeout as WheelTimeout } from '../io/index.ts';
import { FIXED_LIMITS } from '../limits.ts';
import type { Admission } from '../queue/index.ts';
import type { TapPoint } from '../tap/index.ts';
import { classesOf, movableClasses } from './decisions.ts';
import { type LiveConnections, Mover } from './mover.ts';
import { PathProfiles } from './path-profiles.ts';
import { Replicas } from './replicas.ts';

/** What the reactions are made of. */
export interface NetworkReactionsOptions {
  readonly config: SidecarConfig;
  /** By class, as the other layers want connections. */
  readonly profiles: readonly ConnectionProfile[];
  /** Whether marks can be set here; where they cannot, no class moves. */
  readonly socketOptions: boolean;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly logger: Logger;
  readonly tap: TapPoint | undefined;
  /** Writes a line into the statistics file. */
  readonly record: (line: Readonly<Record<string, unknown>>) => void;
  /** Opens the stream of hints. */
  readonly open: typeof openControlStream;
}

/** What they act on. */
export interface Reach extends LiveConnections {
  /** The request queue; undefined where the sidecar has no way in. */
  readonly admission: Pick<Admission, 'setShare'> | undefined;
  /** Where the sidecar takes requests. */
  readonly inboundPort: number | undefined;
}

/** How often decisions are looked at while something is known or to be undone; no more often than the wheel turns. */
const LOOK_MS = 20;
/** How often the choice of endpoints is looked at when nothing new was heard. */
const REPLICAS_LOOK_MS = 100;
/** Any address: who listens on it is reached at the node's own. */
const ANY = new Set(['0.0.0.0', '::']);

/**
 * What this sidecar does about congestion: hints come in from the control plane, moves, preferred endpoints and shares of the queue go
 * out. Decisions are taken when hints arrive and on the timer wheel; a request only meets their results.
 */
export class NetworkReactions {
  readonly #options: NetworkReactionsOptions;
  readonly #hints: HintTable;
  readonly #paths: PathChooser;
  readonly #replicaChooser: ReplicaChooser;
  readonly #shares: AdmissionControl;
  readonly #mover: Mover;
  readonly #profiles: PathProfiles;
  readonly #look: WheelTimeout;
  readonly #lowered = new Map<string, number>();
  #replicas: Replicas | undefined;
  #replicasDueMs = 0;
  #admission: Reach['admission'];
  #stream: ControlStream | undefined;
  #moves = 0;
  #closed = false;

  constructor(options: NetworkReactionsOptions) {
    this.#options = options;
    const { config, profiles, socketOptions, transport, random } = options;
    const { classes, network } = config.policy;
    const { damping, reactions } = network;
    const movable = socketOptions ? movableClasses(config.policy) : [];
    const hints = new HintTable({
      classes: classes.map(({ name }) => name),
      capacity: FIXED_LIMITS.networkLinks,
    });
    this.#hints = hints;
    this.#paths = new PathChooser({
      classes,
      classIndices: movable,
      controllerClassIndices: classesOf(config.policy, 'path', 'controller'),
      damping,
      hints,
      random: random.child('paths'),
    });
    this.#replicaChooser = new ReplicaChooser({
      classIndices: classesOf(config.policy, 'replica', 'sidecar'),
      hints,
      damping,
      chooser: this.#paths,
    });
    this.#shares = new AdmissionControl({ reactions, classes, hints, damping, chooser: this.#paths });
    this.#profiles = new PathProfiles(config.policy, profiles, movable);
    this.#mover = new Mover(this.#profiles, transport);
    this.#look = new Timeout((nowMs) => this.#react(nowMs));
  }

  /** How connections are sent while nothing has moved, by class. */
  get profiles(): readonly ConnectionProfile[] {
    return this.#profiles.defaults;
  }

  /** How connections that a host has opened are answered, by class; the list follows the moves. */
  readonly answering = (address: string): readonly ConnectionProfile[] => this.#mover.answering(address);

  /** How connections to a host are opened, by class; the list follows the moves. */
  readonly opening = (address: string): readonly ConnectionProfile[] => this.#mover.opening(address);

  /** Begins to listen to the control plane and to act. Returns at once. */
  start(reach: Reach): void {
    const { config, clock, random, logger, open } = this.#options;
    const { controlPlane, policy, inbound } = config;
    if (controlPlane === undefined) return;
    this.#mover.attach(reach);
    this.#admission = reach.admission;
    this.#replicas = new Replicas(
      reach.upstreams,
      policy.classes.length,
      classesOf(policy, 'replica', 'sidecar'),
      this.#replicaChooser,
    );
    const host = inbound?.listen.host ?? '';
    this.#stream = open({
      target: controlPlane.target,
      node: controlPlane.node,
      service: config.service,
      endpoint:
        reach.inboundPort === undefined
          ? undefined
          : { host: ANY.has(host) ? controlPlane.node : host, port: reach.inboundPort },
      events: this.#events(),
      clock,
      random: random.child('control'),
      logger,
    });
  }

  /** Ends the stream: the registry learns that no more requests are taken here. What has moved stays where it is; who was held back is not any more. */
  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#options.wheel.remove(this.#look);
      const { classes } = this.#options.config.policy;
      for (const name of [...this.#lowered.keys()]) {
        this.#setShare(
          classes.findIndex((one) => one.name === name),
          100,
        );
      }
    }
    await this.#stream?.close();
  }

  statistics(): Readonly<Record<string, unknown>> {
    const { classes } = this.#options.config.policy;
    const peers = [...this.#mover.paths.keys()].slice(0, FIXED_LIMITS.statisticsPeers);
    return {
      stream: this.#stream?.statistics() ?? {},
      hints: this.#hints.counters,
      peerCount: this.#mover.paths.size,
      paths: Object.fromEntries(
        peers.map((peer) => [
          peer,
          Object.fromEntries(
            classes.map(({ name }, index) => [
              name,
              this.#mover.nameOf(peer, this.#mover.pathOf(peer, index)),
            ]),
          ),
        ]),
      ),
      moves: this.#moves,
      chooser: this.#paths.statistics(),
      avoidedEndpoints: this.#replicas?.avoided ?? 0,
      lowered: Object.fromEntries(this.#lowered),
    };
  }

  #events(): ControlEvents {
    const { clock } = this.#options;
    return {
      paths: (peers) => {
        const nowMs = clock.nowMs();
        const known = new Map<string, readonly NetworkPath[]>();
        for (const [address, paths] of peers) {
          if (paths.length > 0) known.set(hostAddress(address), paths);
        }
        // A control plane that has just started knows no network yet. What was true before it is true still, or no hints will come.
        if (known.size === 0) return;
        this.#mover.setPeers(known);
        this.#carryOut(this.#paths.setPeers(known, nowMs));
        this.#heard(nowMs);
      },
      hints: (hints: readonly Hint[]) => {
        const nowMs = clock.nowMs();
        for (const hint of hints) this.#hints.accept(hint, nowMs);
        this.#heard(nowMs);
      },
      registry: (endpoints: readonly RegistryEndpoint[]) => {
        this.#replicas?.registry(endpoints);
        this.#heard(clock.nowMs());
      },
      lost: () => {
        this.#hints.clear();
        this.#replicas?.registry([]);
        this.#heard(clock.nowMs());
      },
    };
  }

  #heard(nowMs: number): void {
    this.#replicasDueMs = nowMs;
    this.#react(nowMs);
  }

  #react(nowMs: number): void {
    if (this.#closed) return;
    this.#carryOut(this.#paths.decide(nowMs));
    if (nowMs >= this.#replicasDueMs) {
      this.#replicasDueMs = nowMs + REPLICAS_LOOK_MS;
      this.#replicas?.update(nowMs);
    }
    for (const { classIndex, sharePercent } of this.#shares.decide(nowMs)) {
      this.#setShare(classIndex, sharePercent);
    }
    const busy =
      this.#hints.fresh(nowMs) ||
      this.#mover.away > 0 ||
      this.#lowered.size > 0 ||
      (this.#replicas?.avoided ?? 0) > 0;
    if (busy) this.#options.wheel.set(this.#look, nowMs + LOOK_MS);
  }

  #setShare(classIndex: number, sharePercent: number): void {
    const name = this.#options.config.policy.classes[classIndex]?.name ?? '';
    if (sharePercent >= 100) this.#lowered.delete(name);
    else this.#lowered.set(name, sharePercent);
    this.#admission?.setShare(classIndex, sharePercent);
  }

  #carryOut(moves: readonly Move[]): void {
    const { config, tap, record } = this.#options;
    for (const move of moves) {
      this.#moves += 1;
      this.#mover.carryOut(move);
      const { peer, classIndex, reason } = move;
      const from = this.#mover.nameOf(peer, move.from);
      const to = this.#mover.nameOf(peer, move.to);
      record({
        event: 'move',
        service: config.service,
        timeMs: move.atMs,
        peer,
        class: config.policy.classes[classIndex]?.name ?? '',
        from,
        to,
        reason,
        owner: 'sidecar',
      });
      if (tap?.active === true) tap.move({ classIndex, peer, from, to, reason, owner: 'sidecar' });
    }
  }
}
