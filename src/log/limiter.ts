/** Lines of one kind that may pass in a window. */
const BURST = 10;
const WINDOW_MS = 10_000;
/** Kinds told apart; more share one allowance. */
const MOST_KINDS = 256;

interface Window {
  since: number;
  passed: number;
  left: number;
}

/** What was left out of one kind. */
export interface LeftOut {
  readonly kind: string;
  readonly count: number;
}

/** Lets so many lines of a kind pass in a while and counts the others. Reads no clock: time is given. */
export class Limiter {
  readonly #windows = new Map<string, Window>();

  /** Whether a line of this kind may pass at `now` (ms). */
  passes(kind: string, now: number): boolean {
    const window = this.#window(kind, now);
    if (now - window.since >= WINDOW_MS && window.left === 0) {
      window.since = now;
      window.passed = 0;
    }
    if (window.passed < BURST) {
      window.passed++;
      return true;
    }
    window.left++;
    return false;
  }

  /** What was left out in windows that have ended, each told once; with `all`, in the running ones too. */
  leftOut(now: number, all = false): LeftOut[] {
    const found: LeftOut[] = [];
    for (const [kind, window] of this.#windows) {
      if (!all && now - window.since < WINDOW_MS) continue;
      if (window.left > 0) found.push({ kind, count: window.left });
      this.#windows.delete(kind);
    }
    return found;
  }

  /** Whether lines were left out that nobody has been told of. */
  get pending(): boolean {
    return [...this.#windows.values()].some(({ left }) => left > 0);
  }

  #window(kind: string, now: number): Window {
    const known = this.#windows.get(kind);
    if (known !== undefined) return known;
    if (this.#windows.size >= MOST_KINDS && kind !== '') return this.#window('', now);
    const window = { since: now, passed: 0, left: 0 };
    this.#windows.set(kind, window);
    return window;
  }
}

/** How often `leftOut` should be asked. */
export const REPORT_EVERY_MS = WINDOW_MS;
