import type { Started } from './process.ts';

/** Processor time at an instant, both in ms. */
export interface Reading {
  readonly at: number;
  readonly used: number;
}

const LOOK_EVERY = 50;
const MEMORY_EVERY = 400;
/** Looking at hundreds of processes takes a while: it may take this part of the time. */
const SHARE = 0.05;

/**
 * Reads a proxy's processor time again and again while a load runs, so that log-ins before it can be left out,
 * and its memory.
 */
export class Meter {
  /** The most memory that was seen, in bytes. */
  memoryBytes = 0;
  readonly #process: Started;
  readonly #readings: Reading[] = [];
  #weighed = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor(process: Started) {
    this.#process = process;
    this.#look();
  }

  /** Ends the looking; the processor time of the last `seconds`, in ms. */
  stop(seconds: number): number {
    clearTimeout(this.#timer);
    this.#read();
    return usedInLast(this.#readings, seconds * 1_000);
  }

  #look(): void {
    const before = performance.now();
    this.#read();
    if (before - this.#weighed >= MEMORY_EVERY) this.#weigh();
    const took = performance.now() - before;
    this.#timer = setTimeout(() => this.#look(), Math.max(LOOK_EVERY, took / SHARE));
  }

  #weigh(): void {
    this.memoryBytes = Math.max(this.memoryBytes, this.#process.memoryBytes);
    this.#weighed = performance.now();
  }

  #read(): void {
    this.#readings.push({ at: performance.now(), used: this.#process.processorMs });
  }
}

/** What was used in the last `ms` of the readings, between two of them in proportion. All if they are fewer. */
export function usedInLast(readings: readonly Reading[], ms: number): number {
  const last = readings.at(-1);
  const first = readings[0];
  if (last === undefined || first === undefined) return 0;
  const from = last.at - ms;
  if (from <= first.at) return last.used - first.used;
  const next = readings.findIndex(({ at }) => at >= from);
  const [before, after] = [readings[next - 1] ?? first, readings[next] ?? last];
  const part = after.at === before.at ? 0 : (from - before.at) / (after.at - before.at);
  return last.used - (before.used + part * (after.used - before.used));
}
