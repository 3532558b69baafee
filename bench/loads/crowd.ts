import { resolve } from 'node:path';
import type { Contestant } from '../contest.ts';
import { type Aim, measure } from '../pgbench.ts';
import { Started, withFiles } from '../process.ts';

/** Clients that are active; the others are logged in and silent. */
export const ACTIVE = 200;
const OTHER_FILES = 500;
const CONNECTED_WITHIN = 180_000;
const ASKED_WITHIN = 120_000;

/** One round: p99 of the active clients in ms, by themselves and in the crowd; what went wrong meanwhile. */
export interface CrowdRound {
  readonly alone: number;
  readonly crowded: number;
  /** Clients that were refused, lost or not answered at the end, and loads that failed. */
  readonly errors: number;
}

export interface CrowdAsked {
  /** All clients, the active ones counted in. */
  readonly clients: number;
  readonly seconds: number;
}

/** Measures 200 active clients alone, then beside thousands that are only there; all of those are asked at the end. */
export async function crowdRound(
  { aim }: Contestant,
  { clients, seconds }: CrowdAsked,
  signal: AbortSignal,
): Promise<CrowdRound> {
  const load = { work: 'select', protocol: 'simple', clients: ACTIVE, seconds, sampled: 0.2 } as const;
  const p99 = async (): Promise<number> => (await measure(aim, load, signal)).latency?.p99 ?? Number.NaN;
  const alone = await p99();
  const idle = clients - ACTIVE;
  await using crowd = startCrowd(aim, idle);
  const { failed } = countsOf(await crowd.heard(CONNECTED_WITHIN));
  let errors = failed;
  const crowded = await p99().catch((error: unknown) => {
    signal.throwIfAborted();
    errors++;
    process.stderr.write(`the active clients failed: ${error}\n`);
    return Number.NaN;
  });
  crowd.tell('ask');
  errors += idle - failed - countsOf(await crowd.heard(ASKED_WITHIN)).answered;
  return { alone, crowded, errors };
}

function startCrowd({ port, user, password, database }: Aim, count: number): Started {
  const file = resolve(import.meta.dirname, 'crowd-clients.ts');
  const args = [String(port), String(count), user, password, database];
  return new Started(
    `${count} silent clients`,
    withFiles(count + OTHER_FILES, [process.execPath, file, ...args]),
  );
}

function countsOf(message: unknown): { failed: number; answered: number } {
  const { failed, answered } = message as { failed: number; answered: number };
  return { failed, answered };
}
