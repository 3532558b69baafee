import type { EngineName } from '../src/demo/cluster.ts';
import { type Contestant, contest, type Measure, type Rounds, type Score } from './contest.ts';
import { FLOOR } from './floor/floor.ts';
import { LONG, MIXED_TITLE, mixedLoad, SHORT } from './loads/mixed.ts';
import { type PgbenchWork, pgbenchLoad, pgbenchTitle } from './loads/pgbench-load.ts';
import { sysbenchLoad, sysbenchTitle } from './loads/sysbench-load.ts';
import { pinApart } from './pinning.ts';
import { DIRECT, type Entrant, type Ring } from './ring.ts';
import type { SysbenchLoad } from './sysbench.ts';

/** Parts of the page. */
export type Group = 'simple' | 'extended' | 'prepared' | 'tpcb' | 'mixed' | 'pinned' | 'mysql' | 'mariadb';

/** One load that everybody takes part in who can. */
export interface SurveyLoad {
  readonly id: string;
  readonly group: Group;
  readonly engine: EngineName;
  readonly title: string;
  readonly clients: number;
  readonly entrants: readonly Entrant[];
  readonly measure: (signal: AbortSignal) => Measure;
  /** Servers and clients on one core, the proxies on another. */
  readonly pinned?: true;
}

const EVERYBODY: readonly Entrant[] = [
  DIRECT,
  'PgBouncer',
  'Pgpool-II',
  'Odyssey',
  'HAProxy',
  'primary',
  'replicas',
];
const MYSQL_EVERYBODY: readonly Entrant[] = [
  DIRECT,
  'MySQL Router',
  'HAProxy',
  'ProxySQL',
  'primary',
  'replicas',
];
/** A process and three server connections for each client: with more the machine only forks. */
const MOST_FOR_PGPOOL = 200;
const TPCB_CLIENTS = [1, 16, 64];
const PINNED_CLIENTS = [1, 16, 64];
const SYSBENCH_THREADS = [1, 16, 64, 256];

/** All loads on PostgreSQL for these numbers of clients. */
export function postgresLoads(clients: readonly number[]): SurveyLoad[] {
  const selects = (['simple', 'extended', 'prepared'] as const).flatMap((protocol) =>
    clients.map((count) => pgbenchSurvey(protocol, { work: 'select', protocol, clients: count })),
  );
  const writes = TPCB_CLIENTS.map((count) =>
    pgbenchSurvey('tpcb', { work: 'tpcb', protocol: 'simple', clients: count }),
  );
  const apart = PINNED_CLIENTS.map((count): SurveyLoad => {
    const load = pgbenchSurvey('pinned', { work: 'select', protocol: 'simple', clients: count });
    return { ...load, pinned: true, entrants: load.entrants.filter((one) => one !== 'Pgpool-II') };
  });
  return [...selects, ...writes, mixedSurvey('postgres', EVERYBODY), ...apart];
}

export function mysqlLoads(engine: 'mysql' | 'mariadb'): SurveyLoad[] {
  const point = (prepared: boolean, threads: number): SurveyLoad =>
    sysbenchSurvey(engine, { script: 'oltp_point_select', prepared, threads });
  return [
    ...SYSBENCH_THREADS.map((threads) => point(false, threads)),
    ...SYSBENCH_THREADS.map((threads) => point(true, threads)),
    sysbenchSurvey(engine, { script: 'oltp_read_write', prepared: false, threads: 16 }),
    mixedSurvey(engine, MYSQL_EVERYBODY),
  ];
}

/** One load for a short look at everybody; it warms the floor up, too. */
export const quickLoads = (): SurveyLoad[] => [
  {
    ...pgbenchSurvey('simple', { work: 'select', protocol: 'simple', clients: 16 }),
    entrants: [FLOOR, ...EVERYBODY],
  },
];

function pgbenchSurvey(group: Group, work: PgbenchWork): SurveyLoad {
  const { clients } = work;
  return {
    id: `${group}-${clients}`,
    group,
    engine: 'postgres',
    title: pgbenchTitle(work),
    clients,
    entrants: EVERYBODY.filter((one) => one !== 'Pgpool-II' || clients <= MOST_FOR_PGPOOL),
    measure: (signal) => pgbenchLoad(work, signal),
  };
}

function sysbenchSurvey(engine: 'mysql' | 'mariadb', load: SysbenchLoad): SurveyLoad {
  return {
    id: `${engine}-${load.script}-${load.prepared ? 'prepared' : 'text'}-${load.threads}`,
    group: engine,
    engine,
    title: `${engine}: ${sysbenchTitle(load)}`,
    clients: load.threads,
    entrants: MYSQL_EVERYBODY,
    measure: (signal) => sysbenchLoad(load, signal),
  };
}

function mixedSurvey(engine: EngineName, entrants: readonly Entrant[]): SurveyLoad {
  return {
    id: `mixed-${engine}`,
    group: 'mixed',
    engine,
    title: `${engine}: ${MIXED_TITLE}`,
    clients: LONG + SHORT,
    entrants,
    measure: (signal) => mixedLoad(engine, signal),
  };
}

/** Measures one load; a text says why it could not be. */
export async function surveyLoad(ring: Ring, load: SurveyLoad, rounds: Rounds): Promise<Score[] | string> {
  const { arena } = ring;
  const contestants = (await ring.contestants(load.entrants, load.clients)).filter((one) =>
    isAble(one, load),
  );
  const unpin = load.pinned === true ? pinApart(arena, contestants) : () => undefined;
  if (typeof unpin === 'string') return unpin;
  try {
    return await contest(contestants, load.measure(arena.signal), rounds, arena.signal);
  } finally {
    unpin();
  }
}

const isAble = ({ protocols }: Contestant, { group }: SurveyLoad): boolean =>
  group !== 'prepared' || protocols?.includes('prepared') !== false;
