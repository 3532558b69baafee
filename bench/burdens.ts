import { measureConnects } from './connects.ts';
import { contest, emptyScore } from './contest.ts';
import { ratios } from './figures.ts';
import { LOGIN_FLOOR } from './floor/floor.ts';
import { type IdleScores, idleTable, measureIdle } from './idle.ts';
import { type Freight, type LargeScore, largeTable, measureLarge } from './large.ts';
import { ACTIVE, crowdRound } from './loads/crowd.ts';
import type { Outcome, TrialRounds } from './outcome.ts';
import { beside, isOf } from './readings.ts';
import { DIRECT, OURS, type Ring } from './ring.ts';

/** Trials of what a proxy must hold, carry and let in. */

/** All clients of the crowd; fewer in a hurry. */
const CROWD = { whole: 10_000, quick: 1_000 };
const IDLE_CLIENTS = { whole: 4_000, quick: 500 };
const MEGABYTES = { whole: 1_000, quick: 100 };
const PEER = 'PgBouncer';

const amount = (of: { readonly whole: number; readonly quick: number }, quick: boolean): number =>
  quick ? of.quick : of.whole;

const lessNotes = (quick: boolean, words: string): string[] =>
  quick ? [`only ${words}, as it had to be quick`] : [];

export async function crowdTrial(ring: Ring, { rounds, seconds, quick }: TrialRounds): Promise<Outcome> {
  const clients = amount(CROWD, quick);
  const [contestant] = await ring.contestants(['primary'], clients);
  const [alone, crowded] = [emptyScore(`${ACTIVE} alone`), emptyScore(`${ACTIVE} of ${clients}`)];
  const errors: number[] = [];
  for (let round = 0; round < rounds && contestant !== undefined; round++) {
    ring.arena.signal.throwIfAborted();
    const found = await crowdRound(contestant, { clients, seconds }, ring.arena.signal);
    alone.p99.push(found.alone);
    crowded.p99.push(found.crowded);
    errors.push(found.errors);
  }
  const readings = { errors, p99: ratios(crowded.p99, alone.p99) };
  return { readings, scores: [alone, crowded], tables: [], notes: lessNotes(quick, `${clients} clients`) };
}

/** Bytes above a bare socket of the same kind, garbage collected, round by round. */
export async function idleTrial({ arena }: Ring, { rounds, quick }: TrialRounds): Promise<Outcome> {
  const clients = amount(IDLE_CLIENTS, quick);
  const plain = await measureIdle(arena, { clients, rounds, security: 'plain' });
  if (quick) {
    const tables = [`Plain; bytes per client:\n\n${idleTable(plain)}`];
    const notes = [`only ${clients} clients, and without TLS, as it had to be quick`];
    return { readings: { plain: heldAbove(plain) }, scores: [], tables, notes };
  }
  const tls = await measureIdle(arena, { clients, rounds, security: 'tls' });
  return {
    readings: { plain: heldAbove(plain), tls: heldAbove(tls) },
    scores: [],
    tables: [
      `Plain; bytes per client:\n\n${idleTable(plain)}`,
      `TLS; bytes per client:\n\n${idleTable(tls)}`,
    ],
    notes: [],
  };
}

/** The greater of both: of clients that only logged in, and of those that asked one query. */
const heldAbove = ({ session, used, bare }: IdleScores): number[] =>
  bare.map(({ held }, round) => {
    const most = Math.max(session[round]?.held ?? Number.NaN, used[round]?.held ?? Number.NaN);
    return most - held;
  });

const FREIGHTS: Readonly<Record<Freight, string>> = {
  rows: 'The rows of one query',
  'copy-out': 'COPY out of a table',
  'copy-in': 'COPY into a table',
};

export async function largeTrial(ring: Ring, { rounds, quick }: TrialRounds): Promise<Outcome> {
  const megabytes = amount(MEGABYTES, quick);
  const all = await ring.contestants([DIRECT, PEER, 'primary'], 1);
  // One client needs one server connection: the size of the pool changes nothing.
  const spare = all.filter(({ name }) => isOf({ name }, PEER)).slice(1);
  const contestants = all.filter((one) => !spare.includes(one));
  const tables: string[] = [];
  let rows: readonly LargeScore[] = [];
  for (const freight of Object.keys(FREIGHTS) as Freight[]) {
    const scores = await measureLarge(contestants, freight, { megabytes, rounds }, ring.arena.signal);
    tables.push(`${FREIGHTS[freight]}, ${megabytes} MB:\n\n${largeTable(scores, PEER)}`);
    if (freight === 'rows') rows = scores;
  }
  const of = (name: string): LargeScore | undefined => rows.find((score) => isOf(score, name));
  return {
    readings: {
      'throughput/PgBouncer': ratios(of(OURS)?.speed ?? [], of(PEER)?.speed ?? []),
      growth: of(OURS)?.growth ?? [],
    },
    scores: [],
    tables,
    notes: lessNotes(quick, `${megabytes} MB`),
  };
}

export async function connectsTrial(ring: Ring, rounds: TrialRounds): Promise<Outcome> {
  const contestants = await ring.contestants([LOGIN_FLOOR, PEER, 'primary'], 16);
  const scores = await contest(contestants, measureConnects, rounds, ring.arena.signal);
  return { readings: beside(scores), scores, tables: [], notes: [] };
}
