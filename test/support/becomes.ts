import { until } from '../../src/demo/until.ts';

/** Resolves when the condition holds; rejects after a bound, and says what was waited for. */
export async function becomes(
  what: string,
  holds: () => boolean | Promise<boolean>,
  within = 30_000,
): Promise<void> {
  if (!(await until(holds, within))) throw new Error(`not within ${within} ms: ${what}`);
}
