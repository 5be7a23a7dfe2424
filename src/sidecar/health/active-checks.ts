import type { Random } from '../../core/index.ts';
import { Timeout, type TimerWheel, type Timeout as WheelTimeout } from '../io/index.ts';
import type { Endpoint } from '../pools/index.ts';
import type { Check } from './check.ts';

/** How often endpoints are asked, and what it takes to believe them. */
export interface CheckSettings {
  readonly intervalMs: number;
  /** Each check is put off by up to this share of the interval, by lot. */
  readonly jitter: number;
  readonly timeoutMs: number;
  readonly unhealthyAfter: number;
  readonly healthyAfter: number;
}

/** What checks have come to. */
export interface CheckCounts {
  checks: number;
  failures: number;
  timeouts: number;
}

/** Asks one endpoint again and again, one check at a time. */
class Checker {
  readonly #owner: ActiveChecks;
  readonly #endpoint: Endpoint;
  readonly #timer: WheelTimeout;
  #cancel: (() => void) | undefined;
  #round = 0;
  /** How often in a row the last verdict came. */
  #same = 0;
  #lastHealthy = true;
  #failing = false;

  constructor(owner: ActiveChecks, endpoint: Endpoint) {
    this.#owner = owner;
    this.#endpoint = endpoint;
    this.#timer = new Timeout(() => this.#due());
    // The first ones are spread over an interval: a thousand endpoints are not asked in one instant.
    owner.wheel.set(this.#timer, owner.wheel.nowMs + owner.random.next() * owner.settings.intervalMs);
  }

  stop(): void {
    this.#owner.wheel.remove(this.#timer);
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Time for a check, or out of time for the one that runs. */
  #due(): void {
    const { wheel, check, counts, settings } = this.#owner;
    if (this.#cancel !== undefined) {
      this.#cancel();
      counts.timeouts += 1;
      this.#heard(false);
      return;
    }
    counts.checks += 1;
    wheel.set(this.#timer, wheel.nowMs + settings.timeoutMs);
    this.#round += 1;
    const round = this.#round;
    // What comes after its time, or after the end, says nothing.
    this.#cancel = check(this.#endpoint, (healthy) => {
      if (this.#cancel !== undefined && round === this.#round) this.#heard(healthy);
    });
  }

  #heard(healthy: boolean): void {
    const { wheel, random, settings, counts } = this.#owner;
    this.#cancel = undefined;
    if (!healthy) counts.failures += 1;
    this.#same = healthy === this.#lastHealthy ? this.#same + 1 : 1;
    this.#lastHealthy = healthy;
    if (this.#same >= (healthy ? settings.healthyAfter : settings.unhealthyAfter)) {
      if (this.#failing === healthy) {
        this.#failing = !healthy;
        this.#endpoint.setFailsChecks(!healthy);
      }
    }
    wheel.set(this.#timer, wheel.nowMs + settings.intervalMs * (1 + settings.jitter * random.next()));
  }
}

/** Asks the endpoints of one upstream whether they are well. One that has never been asked counts as well. */
export class ActiveChecks {
  readonly settings: CheckSettings;
  readonly check: Check;
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly counts: CheckCounts = { checks: 0, failures: 0, timeouts: 0 };
  readonly #checkers = new Map<Endpoint, Checker>();

  constructor(settings: CheckSettings, check: Check, wheel: TimerWheel, random: Random) {
    this.settings = settings;
    this.check = check;
    this.wheel = wheel;
    this.random = random;
  }

  joined(endpoint: Endpoint): void {
    this.#checkers.set(endpoint, new Checker(this, endpoint));
  }

  left(endpoint: Endpoint): void {
    this.#checkers.get(endpoint)?.stop();
    this.#checkers.delete(endpoint);
  }

  close(): void {
    for (const endpoint of [...this.#checkers.keys()]) this.left(endpoint);
  }
}
