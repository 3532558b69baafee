import { type Arena, openArena } from './arena.ts';
import { type Contestant, contest, type Measure, type Score } from './contest.ts';
import { figure, median, pairedRatio, table, times } from './figures.ts';
import { machineLine, nodeLine } from './machine.ts';
import type { Options } from './options.ts';
import { measure, type Protocol, version, type Work } from './pgbench.ts';
import { findPgBouncer, knowsPrepared, startPgBouncer } from './pgbouncer.ts';
import { startProxy } from './proxy.ts';
import type { Say } from './say.ts';

/** Server connections per node, of both proxies alike. */
const POOL = 20;

const LOADS: readonly { readonly work: Work; readonly protocol: Protocol; readonly title: string }[] = [
  { work: 'select', protocol: 'simple', title: 'pgbench -S, simple' },
  { work: 'select', protocol: 'extended', title: 'pgbench -S, extended' },
  { work: 'select', protocol: 'prepared', title: 'pgbench -S, prepared' },
  { work: 'tpcb', protocol: 'simple', title: 'TPC-B-like, simple' },
];

/** A short look at many loads; ratios to the direct connection and to PgBouncer. */
export async function matrix(options: Options, signal: AbortSignal, say: Say): Promise<number> {
  await using arena = await openArena(options, signal);
  await using processes = new AsyncDisposableStack();
  const bouncer = findPgBouncer();
  const { direct, ports } = arena;
  const [port = 0, adminPort = 0, peerPort = 0] = ports;
  const proxy = processes.use(
    await startProxy(arena, { name: 'pointsman', port, adminPort, reads: 'replicas', poolSize: POOL }),
  );
  const contestants: Contestant[] = [
    { name: 'direct', aim: direct, process: undefined },
    { name: 'Pointsman', aim: { ...direct, port }, process: proxy },
  ];
  if (typeof bouncer !== 'string') {
    const peer = processes.use(await startPgBouncer(bouncer, arena, peerPort, POOL));
    const protocols: readonly Protocol[] = knowsPrepared(bouncer.version)
      ? ['simple', 'extended', 'prepared']
      : ['simple', 'extended'];
    contestants.push({ name: 'PgBouncer', aim: { ...direct, port: peerPort }, process: peer, protocols });
  }
  say(machineLine());
  say(`${nodeLine()}; PostgreSQL ${arena.serverVersion}; ${await version()}, one thread`);
  say(typeof bouncer === 'string' ? `Without PgBouncer: ${bouncer}.` : `${bouncer.version}, pool of ${POOL}`);
  say(`${options.rounds} rounds of ${options.seconds} s in turn, medians\n`);
  say(table(HEAD, await rowsOf(arena, contestants, options)));
  return 0;
}

const HEAD = [
  'load',
  'clients',
  'direct tps',
  'PgBouncer tps',
  'Pointsman tps',
  'of direct',
  'PgBouncer CPU (µs)',
  'Pointsman CPU (µs)',
  'of PgBouncer',
];

async function rowsOf(
  arena: Arena,
  contestants: readonly Contestant[],
  options: Options,
): Promise<string[][]> {
  const rows: string[][] = [];
  for (const { work, protocol, title } of LOADS) {
    for (const clients of options.clients) {
      const load: Measure = (aim, seconds) =>
        measure(aim, { work, protocol, clients, seconds }, arena.signal);
      const able = contestants.filter(({ protocols }) => protocols?.includes(protocol) !== false);
      rows.push([title, String(clients), ...cells(await contest(able, load, options))]);
    }
  }
  return rows;
}

function cells(scores: readonly Score[]): string[] {
  const of = (name: string): Score =>
    scores.find((score) => score.name === name) ?? { name, tps: [], cost: [] };
  const [direct, peer, ours] = [of('direct'), of('PgBouncer'), of('Pointsman')];
  return [
    figure(median(direct.tps)),
    figure(median(peer.tps)),
    figure(median(ours.tps)),
    times(pairedRatio(ours.tps, direct.tps)),
    figure(median(peer.cost), 1),
    figure(median(ours.cost), 1),
    times(pairedRatio(ours.cost, peer.cost)),
  ];
}
