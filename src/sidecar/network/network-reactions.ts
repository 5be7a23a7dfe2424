import type { SidecarConfig } from '../../config/index.ts';
import {
  type Clock,
  type Hint,
  hostAddress,
  type Move,
  type NetworkPath,
  type Random,
} from '../../core/index.ts';
import { AdmissionControl, HintTable, PathChooser, ReplicaChooser } from '../../reactions/index.ts';
import type { ConnectionProfile, Transport } from '../../transport/index.ts';
import type { ControlEvents, RegistryEndpoint } from '../control/index.ts';
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
  readonly tap: TapPoint | undefined;
  /** Writes a line into the statistics file. */
  readonly record: (line: Readonly<Record<string, unknown>>) => void;
  /** Hears what the control plane tells from now on; gives what ends that. */
  readonly listen: (events: ControlEvents) => () => void;
}

/** What they act on. */
export interface Reach extends LiveConnections {
  /** The request queue; undefined where the sidecar has no way in. */
  readonly admission: Pick<Admission, 'setShare'> | undefined;
}

/** How often decisions are looked at while something is known or to be undone; no more often than the wheel turns. */
const LOOK_MS = 20;
/** How often the choice of endpoints is looked at when nothing new was heard. */
const REPLICAS_LOOK_MS = 100;

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
  #silence: (() => void) | undefined;
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

  /** No more connections to a host are opened by one who has asked how. */
  readonly opened = (address: string): void => this.#mover.opened(address);

  /** Begins to listen to the control plane and to act. */
  start(reach: Reach): void {
    const { policy } = this.#options.config;
    this.#mover.attach(reach);
    this.#admission = reach.admission;
    this.#replicas = new Replicas(
      reach.upstreams,
      policy.classes.length,
      classesOf(policy, 'replica', 'sidecar'),
      this.#replicaChooser,
    );
    this.#silence = this.#options.listen(this.#events());
  }

  /** Hears and does nothing more. What has moved stays where it is; who was held back is not any more. Safe to call twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#silence?.();
    this.#options.wheel.remove(this.#look);
    const { classes } = this.#options.config.policy;
    for (const name of [...this.#lowered.keys()]) {
      this.#setShare(
        classes.findIndex((one) => one.name === name),
        100,
      );
    }
  }

  statistics(): Readonly<Record<string, unknown>> {
    const { classes } = this.#options.config.policy;
    const peers = [...this.#mover.paths.keys()].slice(0, FIXED_LIMITS.statisticsPeers);
    return {
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
      this.#replicas?.acts === true;
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
