import type { Clock } from './core/clock.ts';

/** The machine's monotonic clock. */
export const monotonicClock: Clock = {
  now: () => performance.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
