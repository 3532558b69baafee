import { setTimeout as delay } from 'node:timers/promises';
import { TimedOut } from './deadline.ts';

/** Between two looks, in ms. */
const PAUSE = 10;

/**
 * Looks until `holds` gives true, which may be soon or, by the signal, never: then it rejects with what was
 * waited for, `otherwise` as text or as a question asked at the end.
 */
export async function until(
  signal: AbortSignal,
  otherwise: string | (() => string),
  holds: () => Promise<boolean>,
): Promise<void> {
  try {
    while (!(await holds())) await delay(PAUSE, undefined, { signal });
  } catch (error) {
    if (!signal.aborted || !(signal.reason instanceof TimedOut)) throw error;
    const what = typeof otherwise === 'string' ? otherwise : otherwise();
    throw Object.assign(new Error(`${what}: ${signal.reason.message}`), { code: signal.reason.code });
  }
}
