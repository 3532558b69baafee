import type { Clock } from './core/clock.ts';

const after: Clock['after'] = (ms, call) => {
  const timer = setTimeout(call, ms);
  timer.unref();
  return { cancel: () => clearTimeout(timer) };
};

/** The machine's monotonic clock, counted from the start of this process. */
export const monotonicClock: Clock = { now: () => performance.now(), after };

/** How often the two clocks are compared; the closest comparison counts. */
const COMPARISONS = 64;

/**
 * The machine's monotonic clock, comparable among its processes: what one read before another did is less. Never ahead
 * of the true time (`early`) or never behind it (`late`), by some ten nanoseconds: a position that the parent asked for
 * counts as newer than a write in a worker only if it is.
 */
export function sharedClock(rounds: 'early' | 'late'): Clock {
  let early = Number.NEGATIVE_INFINITY;
  let late = Number.POSITIVE_INFINITY;
  for (let times = 0; times < COMPARISONS; times++) {
    const before = hrtimeMs();
    const now = performance.now();
    const later = hrtimeMs();
    early = Math.max(early, before - now);
    late = Math.min(late, later - now);
  }
  const offset = rounds === 'early' ? early : late;
  return { now: () => performance.now() + offset, after };
}

/** Node counts both from the same clock of the system; this one has no origin of its own. */
function hrtimeMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
