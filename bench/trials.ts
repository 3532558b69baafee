import type { EngineName } from '../src/demo/cluster.ts';
import type { TrialId } from './bars.ts';
import { connectsTrial, crowdTrial, idleTrial, largeTrial } from './burdens.ts';
import { measureConnects } from './connects.ts';
import { contest, type Measure, type Rounds } from './contest.ts';
import { FLOOR, REPLICA_FLOOR, TRANSACTION_FLOOR } from './floor/floor.ts';
import { ACTIVE } from './loads/crowd.ts';
import { MIXED_TITLE, mixedLoad } from './loads/mixed.ts';
import { type PgbenchWork, pgbenchLoad, pgbenchTitle } from './loads/pgbench-load.ts';
import { sysbenchLoad, sysbenchTitle } from './loads/sysbench-load.ts';
import type { Outcome, Trial } from './outcome.ts';
import { beside } from './readings.ts';
import { DIRECT, type Entrant, type Ring } from './ring.ts';

/** Ours with its reads on the primary, as the others have them, beside a direct connection and PgBouncer. */
const ALIKE: readonly Entrant[] = [DIRECT, 'PgBouncer', 'primary'];
/** The same, with the floor, which serves nothing but these. */
const SELECTS: readonly Entrant[] = [DIRECT, FLOOR, 'PgBouncer', 'primary'];

export const TRIAL_RUNS: Readonly<Record<TrialId, Trial>> = {
  'select-1': pgbenchTrial({ work: 'select', protocol: 'simple', clients: 1 }, SELECTS),
  'select-4': pgbenchTrial({ work: 'select', protocol: 'simple', clients: 4 }, SELECTS),
  'select-16': pgbenchTrial({ work: 'select', protocol: 'simple', clients: 16 }, SELECTS),
  'select-64': pgbenchTrial({ work: 'select', protocol: 'simple', clients: 64 }, SELECTS),
  'select-200': pgbenchTrial({ work: 'select', protocol: 'simple', clients: 200 }, [
    DIRECT,
    FLOOR,
    'primary',
  ]),
  'prepared-64': pgbenchTrial({ work: 'select', protocol: 'prepared', clients: 64 }, ALIKE),
  'split-32': pgbenchTrial({ work: 'select', protocol: 'simple', clients: 32 }, [
    DIRECT,
    REPLICA_FLOOR,
    'Pgpool-II',
    'replicas',
  ]),
  'tpcb-16': pgbenchTrial({ work: 'tpcb', protocol: 'simple', clients: 16 }, [
    DIRECT,
    TRANSACTION_FLOOR,
    'PgBouncer',
    'primary',
  ]),
  mixed: {
    engine: 'postgres',
    title: MIXED_TITLE,
    run: (ring, rounds) =>
      contestTrial(ring, rounds, [DIRECT, 'primary'], 24, mixedLoad('postgres', ring.arena.signal)),
    profiled: { reads: 'primary', measure: (signal) => mixedLoad('postgres', signal) },
  },
  'mysql-64': sysbenchTrial('mysql'),
  'mariadb-64': sysbenchTrial('mariadb'),
  large: {
    engine: 'postgres',
    title: '1 GB: the rows of one query, COPY out of and into a table',
    run: largeTrial,
  },
  idle: { engine: 'postgres', title: 'memory of idle clients', run: idleTrial },
  connects: {
    engine: 'postgres',
    title: 'clients that log in with SCRAM and leave',
    run: connectsTrial,
    profiled: { reads: 'primary', measure: () => measureConnects },
  },
  crowd: { engine: 'postgres', title: `${ACTIVE} active clients in a crowd`, run: crowdTrial },
};

function pgbenchTrial(work: PgbenchWork, entrants: readonly Entrant[]): Trial {
  const measure = (signal: AbortSignal): Measure => pgbenchLoad(work, signal);
  return {
    engine: 'postgres',
    title: pgbenchTitle(work),
    run: (ring, rounds) => contestTrial(ring, rounds, entrants, work.clients, measure(ring.arena.signal)),
    profiled: { reads: entrants.includes('replicas') ? 'replicas' : 'primary', measure },
  };
}

function sysbenchTrial(engine: EngineName): Trial {
  const load = { script: 'oltp_point_select', prepared: false, threads: 64 } as const;
  const measure = (signal: AbortSignal): Measure => sysbenchLoad(load, signal);
  return {
    engine,
    title: `${engine}: ${sysbenchTitle(load)}`,
    run: (ring, rounds) =>
      contestTrial(
        ring,
        rounds,
        [DIRECT, FLOOR, 'MySQL Router', 'primary'],
        load.threads,
        measure(ring.arena.signal),
      ),
    profiled: { reads: 'primary', measure },
  };
}

async function contestTrial(
  ring: Ring,
  rounds: Rounds,
  entrants: readonly Entrant[],
  clients: number,
  measure: Measure,
): Promise<Outcome> {
  const contestants = await ring.contestants(entrants, clients);
  const scores = await contest(contestants, measure, rounds, ring.arena.signal);
  return { readings: beside(scores), scores, tables: [], notes: [] };
}
