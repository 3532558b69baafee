import type { Clock, Timer } from '../../../src/core/clock.ts';

interface Due {
  readonly at: number;
  readonly order: number;
  readonly call: () => void;
}

/** Lets every promise that is ready run its course. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Time that moves only when a test says so. */
export class ManualClock implements Clock {
  #now = 1_000;
  #order = 0;
  readonly #due = new Set<Due>();

  get pending(): number {
    return this.#due.size;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, call: () => void): Timer {
    const due: Due = { at: this.#now + Math.max(0, ms), order: ++this.#order, call };
    this.#due.add(due);
    return { cancel: () => void this.#due.delete(due) };
  }

  /** A promise that is kept after `ms` of this clock. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** Moves on from timer to timer, without a turn of the event loop in between. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = [...this.#due].sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (next === undefined || next.at > end) break;
      this.#due.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.call();
    }
    this.#now = end;
  }

  /** Moves on from timer to timer; between them everything that is ready runs. */
  async run(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const next = [...this.#due].sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (next === undefined || next.at > end) break;
      this.#due.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.call();
      await settle();
    }
    this.#now = end;
  }
}
