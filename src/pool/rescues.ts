import type { Clock } from '../core/clock.ts';

/** Units that may be moved at once, and how many more each second. */
const BURST = 256;
const EACH_SECOND = 128;

/**
 * How many units may be sent again because others are in their way, over all lanes of a cluster: when a lock or a
 * checkpoint makes everything slow, sending it again makes nothing faster.
 */
export class Rescues {
  readonly #clock: Clock;
  #left = BURST;
  #at: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#at = clock.now();
  }

  /** True: so many may be moved. */
  spend(units: number): boolean {
    const now = this.#clock.now();
    this.#left = Math.min(BURST, this.#left + ((now - this.#at) / 1_000) * EACH_SECOND);
    this.#at = now;
    if (units > this.#left) return false;
    this.#left -= units;
    return true;
  }
}
