import { figure, median, times } from './figures.ts';
import type { Readings } from './readings.ts';

/** What is measured together, in one contest. */
export type TrialId =
  | 'select-1'
  | 'select-4'
  | 'select-16'
  | 'select-64'
  | 'select-200'
  | 'prepared-64'
  | 'split-32'
  | 'tpcb-16'
  | 'mixed'
  | 'mysql-64'
  | 'mariadb-64'
  | 'large'
  | 'idle'
  | 'crowd'
  | 'connects';

/** One line of the acceptance table. */
export interface Bar {
  readonly trial: TrialId;
  /** The name of the reading within the trial. */
  readonly reading: string;
  /** What is measured, as the table says it. */
  readonly measure: string;
  readonly holds: '≥' | '≤';
  readonly bound: number;
  readonly unit: '×' | 'bytes' | 'MB' | 'errors';
}

/** A bar and what was measured; `met` is undefined where nothing was. */
export interface Judged extends Bar {
  readonly value: number;
  readonly met: boolean | undefined;
  /** What the floor reached in the same run; NaN where it took no part. */
  readonly floor: number;
}

const least = (trial: TrialId, reading: string, bound: number, measure: string): Bar => ({
  ...{ trial, reading, bound, measure },
  holds: '≥',
  unit: '×',
});

const most = (
  trial: TrialId,
  reading: string,
  bound: number,
  measure: string,
  unit: Bar['unit'] = '×',
): Bar => ({
  ...{ trial, reading, bound, measure, unit },
  holds: '≤',
});

/** The acceptance table. A value is the median of the ratios within each round. */
export const BARS: readonly Bar[] = [
  least('select-64', 'tps/direct', 1.3, '64 clients, select-only simple: throughput / direct'),
  least('select-64', 'tps/PgBouncer', 1.6, '64 clients, select-only simple: throughput / PgBouncer'),
  most('select-64', 'cost/PgBouncer', 0.75, '64 clients, select-only simple: CPU per query / PgBouncer'),
  least('select-200', 'tps/direct', 1.7, '200 clients: throughput / direct'),
  most('select-1', 'latency/PgBouncer', 1.05, '1 client: latency / PgBouncer'),
  least('select-4', 'tps/PgBouncer', 1.2, '4 clients: throughput / PgBouncer'),
  most('select-4', 'cost/PgBouncer', 1, '4 clients: CPU per query / PgBouncer'),
  least('select-16', 'tps/PgBouncer', 1.4, '16 clients: throughput / PgBouncer'),
  least('prepared-64', 'tps/PgBouncer', 1.5, 'prepared mode, 64 clients: throughput / PgBouncer'),
  least('split-32', 'tps/Pgpool-II', 3, 'read/write split, 32 clients: throughput / Pgpool-II'),
  least('tpcb-16', 'tps/PgBouncer', 0.95, 'TPC-B-like, level session, 16 clients: throughput / PgBouncer'),
  most('mixed', 'p99/direct', 1.5, 'p99 of short reads beside 8 clients of 200 ms reads / the same directly'),
  least('mysql-64', 'tps/direct', 1.2, 'MySQL point selects, 64 threads: throughput / direct'),
  most('mysql-64', 'cost/MySQL Router', 0.4, 'MySQL point selects: CPU per query / MySQL Router'),
  least('mariadb-64', 'tps/direct', 1.2, 'MariaDB point selects, 64 threads: throughput / direct'),
  most('mariadb-64', 'cost/MySQL Router', 0.4, 'MariaDB point selects: CPU per query / MySQL Router'),
  least('large', 'throughput/PgBouncer', 0.9, '1 GB result: throughput / PgBouncer'),
  most('large', 'growth', 32, '1 GB result: growth of resident memory', 'MB'),
  most('idle', 'plain', 2_000, 'idle client, plain: memory above a bare Node socket', 'bytes'),
  most('idle', 'tls', 4_000, 'idle client, TLS: memory above a bare Node TLS socket', 'bytes'),
  most('crowd', 'errors', 0, '10,000 clients connected, 200 active: errors', 'errors'),
  most('crowd', 'p99', 3, '10,000 clients connected, 200 active: p99 / p99 of the 200 alone'),
  least('connects', 'tps/PgBouncer', 0.7, 'new connections with SCRAM: a second / PgBouncer'),
];

/** The trials of the table, in its order. */
export const TRIALS: readonly TrialId[] = [...new Set(BARS.map(({ trial }) => trial))];

/** Holds one bar against what its trial found; `floorReadings`: what the floor reached in it. */
export function judge(bar: Bar, readings: Readings | undefined, floorReadings: Readings = {}): Judged {
  const values = readings?.[bar.reading] ?? [];
  // An error in a single round is one too many.
  const value = bar.unit === 'errors' && values.length > 0 ? Math.max(...values) : median(values);
  const floor = median(floorReadings[bar.reading] ?? []);
  if (!Number.isFinite(value)) return { ...bar, value: Number.NaN, met: undefined, floor };
  return { ...bar, value, met: isMet(bar, value), floor };
}

/** Whether a value is on the good side of the bar, or on it. */
export const isMet = ({ holds, bound }: Bar, value: number): boolean =>
  holds === '≥' ? value >= bound : value <= bound;

/** `1.62 ×`, `2,000 bytes`, `0`. */
export function inUnit(value: number, unit: Bar['unit']): string {
  if (unit === '×') return times(value);
  return unit === 'errors' ? figure(value) : `${figure(value)} ${unit}`;
}

export const verdictWord = (met: boolean | undefined): string =>
  met === undefined ? 'not measured' : met ? 'met' : 'MISSED';
