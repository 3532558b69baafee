import type { Cost } from '../core/cost.ts';
import type { ProxyError } from '../core/errors.ts';
import type { Settings } from '../core/settings.ts';
import type { Lane } from './lane.ts';
import type { Link } from './link.ts';

/** What a unit that may share a link needs of it. */
export interface Sharing {
  readonly settings: Settings;
  readonly cost: Cost;
}

/** Waits for a link. Exactly one of `granted`, `boarded` and `denied` ends the wait. */
export interface Waiter {
  /** What it waits for may share a link, as far as is known by now; undefined: it needs one of its own. */
  sharing(): Sharing | undefined;
  granted(link: Link): void;
  boarded(lane: Lane): void;
  denied(error: ProxyError): void;
  /** An attempt to connect failed. True: it leaves the queue (and goes elsewhere). */
  connectFailed(error: ProxyError): boolean;
}

interface Queued {
  readonly waiter: Waiter;
  readonly deadline: number;
}

/** So many from the front are looked at for one who may share a link. */
const LOOKED_AT = 64;

/** Those who wait for a link, the longest first, each until its deadline in monotonic ms. */
export class Queue {
  readonly #queued: Queued[] = [];

  get length(): number {
    return this.#queued.length;
  }

  /** Whose turn is next. */
  get first(): Waiter | undefined {
    return this.#queued[0]?.waiter;
  }

  /** When the first wait is over at the latest. */
  get deadline(): number | undefined {
    return this.#queued[0]?.deadline;
  }

  join(waiter: Waiter, deadline: number): void {
    this.#queued.push({ waiter, deadline });
  }

  leave(waiter: Waiter): void {
    const at = this.#queued.findIndex((queued) => queued.waiter === waiter);
    if (at >= 0) this.#queued.splice(at, 1);
  }

  shift(): Waiter | undefined {
    return this.#queued.shift()?.waiter;
  }

  /** All that wait now. They stay in the queue. */
  get all(): readonly Waiter[] {
    return this.#queued.map(({ waiter }) => waiter);
  }

  /** Somebody waits for room on a lane with these settings: whoever comes after that one does not pass it. */
  hasSharer(settings: Settings): boolean {
    for (let at = 0; at < this.#queued.length && at < LOOKED_AT; at++) {
      if (this.#queued[at]?.waiter.sharing()?.settings === settings) return true;
    }
    return false;
  }

  /**
   * Puts those who may share a link on lanes, in their order, as far as there are lanes for them. Nobody passes one who
   * waits for room on the same ones: lighter work would always fit where heavier does not.
   */
  board(laneFor: (sharing: Sharing) => Lane | undefined): void {
    const full = new Set<Settings>();
    let left = LOOKED_AT;
    for (let at = 0; at < this.#queued.length && left > 0; left--) {
      const waiter = this.#queued[at]?.waiter;
      const sharing = waiter?.sharing();
      const lane = sharing === undefined || full.has(sharing.settings) ? undefined : laneFor(sharing);
      if (waiter === undefined || lane === undefined) {
        if (sharing !== undefined) full.add(sharing.settings);
        at++;
        continue;
      }
      this.#queued.splice(at, 1);
      left++;
      waiter.boarded(lane);
    }
  }

  /** Takes out one whose wait has lasted too long. */
  expired(now: number): Waiter | undefined {
    const { deadline } = this;
    return deadline !== undefined && deadline <= now ? this.shift() : undefined;
  }
}
