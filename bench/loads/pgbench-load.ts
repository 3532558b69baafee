import type { Measure } from '../contest.ts';
import { type Load, measure } from '../pgbench.ts';

/** One in so many transactions is timed by itself: the log costs pgbench little then. */
const SAMPLED: Readonly<Record<Load['work'], number>> = { select: 0.1, tpcb: 1 };

export type PgbenchWork = Omit<Load, 'seconds' | 'sampled'>;

/** pgbench's own read, or its transaction, by so many clients. */
export function pgbenchLoad(work: PgbenchWork, signal: AbortSignal): Measure {
  return (aim, seconds) => measure(aim, { ...work, seconds, sampled: SAMPLED[work.work] }, signal);
}

const WORDS: Readonly<Record<Load['work'], string>> = { select: 'pgbench -S', tpcb: 'pgbench, TPC-B-like' };

/** E.g. `pgbench -S, simple, 64 clients`. */
export function pgbenchTitle({ work, protocol, clients }: PgbenchWork): string {
  return `${WORDS[work]}, ${protocol}, ${counted(clients, 'client')}`;
}

export const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;
