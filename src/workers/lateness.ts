/** What is told is at least of so long, in ms, and at most of twice that: no scrape misses a stall. */
const WINDOW = 15_000;

/** As `monitorEventLoopDelay` gives it: in nanoseconds. */
export interface Delays {
  percentile(percent: number): number;
  reset(): void;
}

/** How late the event loop of a process is, as its reports tell it. */
export class Lateness {
  readonly #clock: { now(): number };
  readonly #delays: Delays;
  #since: number;
  #before = 0;

  constructor(clock: { now(): number }, delays: Delays) {
    this.#clock = clock;
    this.#delays = delays;
    this.#since = clock.now();
  }

  /** The 99th percentile of its delay, in seconds: of this window or of the one before, whichever was worse. */
  read(): number {
    const p99 = this.#delays.percentile(99) / 1e9;
    const worse = Math.max(p99, this.#before);
    const now = this.#clock.now();
    if (now - this.#since >= WINDOW) {
      this.#since = now;
      this.#before = p99;
      this.#delays.reset();
    }
    return worse;
  }
}
