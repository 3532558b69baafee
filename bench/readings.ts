import type { Score } from './contest.ts';
import { median, ratios } from './figures.ts';
import { FLOOR } from './floor/floor.ts';
import { DIRECT, OURS } from './ring.ts';

/** What a trial found, by name: one value a round each. */
export type Readings = Readonly<Record<string, readonly number[]>>;

type Quantity = 'tps' | 'cost' | 'p99';

/** Of several configurations of one peer, the one whose median is best. */
export function best(scores: readonly Score[], name: string, quantity: Quantity): Score | undefined {
  const sign = quantity === 'tps' ? -1 : 1;
  const able = scores.filter((score) => isOf(score, name) && Number.isFinite(median(score[quantity])));
  return able.sort((a, b) => sign * (median(a[quantity]) - median(b[quantity])))[0];
}

/** The contestant of that name, or a configuration of it: `PgBouncer, pool of 8`. */
export const isOf = (score: Pick<Score, 'name'>, name: string): boolean =>
  score.name === name || score.name.startsWith(`${name}, `);

/** Or the direct connection. */
const isPeer = (name: string): boolean => name !== OURS && name !== FLOOR;

/** `PgBouncer` of `PgBouncer, pool of 8`. */
export const plainName = (name: string): string => name.split(', ')[0] ?? name;

/**
 * Ours (or the floor, at its best) beside each peer at its best and the direct connection, round by round: `tps/direct`,
 * `cost/PgBouncer`, `p99/direct` and so on, and `latency/PgBouncer`, the mean, which of equally many clients is the
 * throughput turned over.
 */
export function beside(scores: readonly Score[], who: typeof OURS | typeof FLOOR = OURS): Readings {
  const first = scores.find((score) => isOf(score, who));
  const own = (quantity: Quantity): Score | undefined =>
    who === FLOOR ? best(scores, who, quantity) : first;
  const others = new Set(scores.map(({ name }) => plainName(name)).filter(isPeer));
  const found: Record<string, readonly number[]> = {};
  for (const name of others) {
    for (const quantity of ['tps', 'cost', 'p99'] as const) {
      if (name === DIRECT && quantity === 'cost') continue;
      const base = best(scores, name, quantity)?.[quantity] ?? [];
      found[`${quantity}/${name}`] = ratios(own(quantity)?.[quantity] ?? [], base);
    }
    found[`latency/${name}`] = ratios(best(scores, name, 'tps')?.tps ?? [], own('tps')?.tps ?? []);
  }
  return found;
}
