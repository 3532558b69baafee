import { inUnit, type Judged, verdictWord } from '../bars.ts';
import type { Score } from '../contest.ts';
import { figure, median, pairedRatio, table, times } from '../figures.ts';
import { best } from '../readings.ts';
import { DIRECT } from '../ring.ts';

/** Peers that processor time is held against, where they take part. */
const BASES = ['PgBouncer', 'MySQL Router'];

/** All that was measured of all contestants; medians, and ratios within each round. */
export function scoreTable(scores: readonly Score[]): string {
  const direct = scores.find(({ name }) => name === DIRECT);
  const base = BASES.find((name) => best(scores, name, 'cost') !== undefined) ?? '';
  const cheapest = best(scores, base, 'cost');
  const head = ['contestant', 'a second', 'of direct', 'CPU each (µs)'];
  if (cheapest !== undefined) head.push(`of ${base}`);
  head.push('p50 (ms)', 'p95', 'p99', 'memory (MB)');
  const rows = scores.map(({ name, tps, cost, p50, p95, p99, memory }) => [
    name,
    figure(median(tps)),
    times(pairedRatio(tps, direct?.tps ?? [])),
    figure(median(cost), 1),
    ...(cheapest === undefined ? [] : [times(pairedRatio(cost, cheapest.cost))]),
    ...[p50, p95, p99].map((values) => figure(median(values), 2)),
    figure(median(memory)),
  ]);
  return table(head, rows);
}

/** What could not be measured, and why, one line each. */
export function failureLines(scores: readonly Score[]): string[] {
  return scores.flatMap(({ name, failures }) => failures.map((reason) => `${name} failed: ${reason}`));
}

/** The acceptance table: each measure with its bar, what was measured, what the floor reached, met or missed. */
export function barTable(judged: readonly Judged[]): string {
  const withFloor = judged.some(({ floor }) => Number.isFinite(floor));
  const rows = judged.map(({ measure, holds, bound, unit, value, met, floor }) => [
    measure,
    `${holds} ${inUnit(bound, unit)}`,
    met === undefined ? '–' : inUnit(value, unit),
    ...(withFloor ? [Number.isFinite(floor) ? inUnit(floor, unit) : '–'] : []),
    verdictWord(met),
  ]);
  return table(['measure', 'bar', 'measured', ...(withFloor ? ['floor'] : []), ''], rows);
}
