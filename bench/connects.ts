import { resolve } from 'node:path';
import type { Count, Measure } from './contest.ts';
import type { Aim } from './pgbench.ts';
import { Started } from './process.ts';

/** Connections under way at one time, in each of the processes of clients. */
const AT_ONCE = 8;
/** One alone would be the bottleneck. */
const PROCESSES = 2;
/** What a run may take beyond its time, in ms. */
const GRACE = 30_000;

/**
 * A load for `contest`: clients that connect, log in with SCRAM and leave, over and over. One transaction is one
 * connection. The clients derive the keys of their password once, or they would be what is measured.
 */
export const measureConnects: Measure = async (aim, seconds) => {
  await using groups = new AsyncDisposableStack();
  const counts = await Promise.all(
    Array.from({ length: PROCESSES }, () => {
      const group = groups.use(startGroup(aim, seconds));
      return counted(group, seconds);
    }),
  );
  return counts.reduce((sum, { transactions, tps, seconds: took }) => ({
    transactions: sum.transactions + transactions,
    tps: sum.tps + tps,
    seconds: Math.max(sum.seconds, took),
  }));
};

function startGroup({ port, user, password, database }: Aim, seconds: number): Started {
  const file = resolve(import.meta.dirname, 'connect-clients.ts');
  const args = [String(seconds), String(AT_ONCE), String(port), user, password, database];
  return new Started('clients that come and go', [process.execPath, file, ...args]);
}

async function counted(group: Started, seconds: number): Promise<Count> {
  const said = await group.heard(seconds * 1_000 + GRACE);
  if (!isReport(said)) throw new Error('the clients that come and go reported no figures');
  return { transactions: said.made, tps: (said.made * 1_000) / said.ms, seconds: said.ms / 1_000 };
}

function isReport(said: unknown): said is { made: number; ms: number } {
  return typeof said === 'object' && said !== null && 'made' in said && 'ms' in said;
}
