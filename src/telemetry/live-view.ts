import type { Clock } from '../core/index.ts';
import type { MessageLine, RequestLine, TapLine } from '../sidecar/index.ts';
import { EventList, type HappenedEvent } from './event-list.ts';
import type { Frame, LinkRow, WatchedRun, WatchedTrial } from './frame.ts';
import type { FileLine, LinkState } from './lines.ts';
import { SidecarView } from './sidecar-view.ts';

/** Over how long rates and quantiles are taken. */
const WINDOW_MS = 5000;
/** How many sidecars are shown. */
const MAX_SIDECARS = 64;

/**
 * What is known of a run in progress: fed with the lines of taps, of sidecars' statistics files and of the bridge's file, it says at any
 * instant what there is to show. Bounded, however long the run and however odd the lines.
 */
export class LiveView {
  readonly #clock: Clock;
  readonly #run: WatchedRun;
  #trial: WatchedTrial | undefined;
  #sidecars = new Map<string, SidecarView>();
  #links: readonly LinkState[] = [];
  #linksAtMs: number | undefined;
  /** By class, the path to which the controller has moved it. */
  #controllerPaths = new Map<string, string>();
  readonly #events = new EventList();
  #missed = 0;

  constructor(run: WatchedRun, clock: Clock) {
    this.#run = run;
    this.#clock = clock;
  }

  /** Says which trial is running; what was known of another is forgotten, but for the events. */
  enter(trial: WatchedTrial | undefined): void {
    if (trial?.name !== this.#trial?.name) {
      this.#sidecars = new Map();
      this.#links = [];
      this.#linksAtMs = undefined;
      this.#controllerPaths = new Map();
      if (trial !== undefined) {
        this.#tell(this.#clock.nowMs(), {
          what: 'trial',
          where: `${trial.number} of ${this.#run.trials}`,
          text: `${trial.arm}${trial.attempt === 1 ? '' : `, attempt ${trial.attempt}`}`,
        });
      }
    }
    this.#trial = trial;
    const nowMs = this.#clock.nowMs();
    for (const name of trial?.sidecars.slice(0, MAX_SIDECARS) ?? []) {
      if (!this.#sidecars.has(name)) {
        this.#sidecars.set(name, new SidecarView(name, this.#run.classes, WINDOW_MS, nowMs));
      }
    }
  }

  /** Says whether the tap of a sidecar is being listened to. */
  listening(sidecar: string, yes: boolean): void {
    this.#sidecars.get(sidecar)?.listening(yes, this.#clock.nowMs());
  }

  /** Takes a line of a tap. */
  tapLine(sidecar: string, line: TapLine): void {
    const view = this.#sidecars.get(sidecar);
    const nowMs = this.#clock.nowMs();
    if (line.event === 'dropped') this.#missed += line.count;
    else if (line.event === 'request') view?.request(line satisfies RequestLine, nowMs);
    else if (line.event === 'message') view?.message(line satisfies MessageLine, nowMs);
  }

  /** Takes a line of a file. @param source the sidecar whose statistics file it is; undefined for the bridge's file */
  fileLine(source: string | undefined, line: FileLine): void {
    const view = source === undefined ? undefined : this.#sidecars.get(source);
    switch (line.event) {
      case 'statistics':
        view?.statistics(line.classes, line.timeMs);
        break;
      case 'links':
        this.#links = line.links;
        this.#linksAtMs = line.timeMs;
        break;
      case 'hint':
        this.#tell(line.timeMs, {
          what: 'hint',
          where: line.link,
          class: line.class,
          text: `${line.congested ? 'congested' : 'calm'}, level ${line.level.toFixed(2)}`,
          bad: line.congested,
        });
        break;
      case 'move': {
        if (view !== undefined) view.moved(line.class, line.peer, line.to);
        else if (this.#run.classes.includes(line.class)) this.#controllerPaths.set(line.class, line.to);
        this.#tell(line.timeMs, {
          what: 'move',
          where: view?.service ?? line.owner,
          class: line.class,
          text: `${line.from} -> ${line.to}, ${line.reason}`,
          peer: line.peer,
        });
        break;
      }
      default:
        this.#tell(line.timeMs, {
          what: line.event,
          where: line.what,
          text: '',
          bad: line.event === 'lost',
        });
    }
  }

  /** Adds words of the watcher's own to the events. */
  note(where: string, text: string): void {
    this.#tell(this.#clock.nowMs(), { what: 'note', where, text, bad: true });
  }

  /** What there is to show now. */
  frame(): Frame {
    const nowMs = this.#clock.nowMs();
    return {
      run: this.#run,
      trial: this.#trial,
      wallMs: this.#clock.wallMs(),
      windowMs: WINDOW_MS,
      services: this.#inOrder().flatMap((one) => one.rows(nowMs, this.#controllerPaths)),
      links: this.#links.map((one) => this.#link(one)),
      linksAgeMs: this.#linksAtMs === undefined ? undefined : Math.max(0, nowMs - this.#linksAtMs),
      events: this.#events.newest(),
      missed: this.#missed,
    };
  }

  /** In the order of the run's services; several of one service by their numbers. */
  #inOrder(): SidecarView[] {
    const { services } = this.#run;
    const rankOf = ({ service }: SidecarView): number => {
      const rank = services.findIndex((one) => one === service || one === service.replace(/-\d+$/, ''));
      return rank === -1 ? services.length : rank;
    };
    return [...this.#sidecars.values()].sort(
      (a, b) => rankOf(a) - rankOf(b) || a.service.localeCompare(b.service, 'en', { numeric: true }),
    );
  }

  #link({ link, utilization, classes }: LinkState): LinkRow {
    const rankOf = (name: string): number => {
      const rank = this.#run.classes.indexOf(name);
      return rank === -1 ? this.#run.classes.length : rank;
    };
    return {
      link,
      utilization,
      classes: [...classes]
        .map(([name, one]) => ({ class: name, ...one }))
        .sort((a, b) => rankOf(a.class) - rankOf(b.class)),
    };
  }

  #tell(
    timeMs: number,
    event: Partial<HappenedEvent> & Pick<HappenedEvent, 'what' | 'where' | 'text'>,
  ): void {
    const wallMs = this.#clock.wallMs() - (this.#clock.nowMs() - timeMs);
    this.#events.add({ class: '', bad: false, ...event, wallMs });
  }
}
