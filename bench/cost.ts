import { openArena } from './arena.ts';
import { type Contestant, contest, type Score } from './contest.ts';
import { figure, median, pairedRatio, table, times } from './figures.ts';
import { machineLine, nodeLine } from './machine.ts';
import type { Options } from './options.ts';
import { version } from './pgbench.ts';
import { findPgBouncer, startPgBouncer } from './pgbouncer.ts';
import { startProxy } from './proxy.ts';
import type { Say } from './say.ts';

/** Server connections that PgBouncer is tried with; the cheapest counts. */
const BOUNCER_POOLS = [4, 8, 20];
const POOL = 20;
/** Of PgBouncer's processor time per query. */
const BAR = 2;

/** Processor time per query, in turn with PgBouncer. Gives the exit code: 1 if the bar was missed. */
export async function cost(options: Options, signal: AbortSignal, say: Say): Promise<number> {
  await using arena = await openArena(options, signal);
  await using processes = new AsyncDisposableStack();
  const bouncer = findPgBouncer();
  const { direct, ports } = arena;
  const [first = 0, second = 0, third = 0, fourth = 0, ...others] = ports;
  const contestants: Contestant[] = [{ name: 'direct', aim: direct, process: undefined }];
  for (const [at, size] of BOUNCER_POOLS.entries()) {
    if (typeof bouncer === 'string') break;
    const port = others[at] ?? 0;
    const started = processes.use(await startPgBouncer(bouncer, arena, port, size));
    contestants.push({ name: `PgBouncer, pool of ${size}`, aim: { ...direct, port }, process: started });
  }
  for (const [reads, port, adminPort] of [
    ['primary', first, second],
    ['replicas', third, fourth],
  ] as const) {
    const started = processes.use(
      await startProxy(arena, { name: `pointsman-${reads}`, port, adminPort, reads, poolSize: POOL }),
    );
    contestants.push({ name: `Pointsman, reads: ${reads}`, aim: { ...direct, port }, process: started });
  }
  say(machineLine());
  say(`${nodeLine()}; PostgreSQL ${arena.serverVersion}; ${await version()}, one thread`);
  say(typeof bouncer === 'string' ? `Without PgBouncer: ${bouncer}.` : bouncer.version);
  let code = 0;
  for (const clients of options.clients) {
    const load = { work: 'select', protocol: 'simple', clients, seconds: options.seconds } as const;
    say(
      `\npgbench -S -M simple, ${clients} clients, ${options.rounds} rounds of ${options.seconds} s in turn\n`,
    );
    const scores = await contest(arena, contestants, load, options.rounds);
    say(costTable(scores));
    if (!judge(scores, say)) code = 1;
  }
  return code;
}

function costTable(scores: readonly Score[]): string {
  const direct = scores.find(({ name }) => name === 'direct');
  const peer = cheapestPeer(scores);
  const head = ['contestant', 'tps', 'of direct', 'CPU per query (µs)', 'of PgBouncer', 'rounds (µs)'];
  const rows = scores.map(({ name, tps, cost: costs }) => [
    name,
    figure(median(tps)),
    times(pairedRatio(tps, direct?.tps ?? [])),
    figure(median(costs), 1),
    times(pairedRatio(costs, peer?.cost ?? [])),
    costs.some(Number.isFinite) ? costs.map((one) => figure(one, 1)).join(' ') : '–',
  ]);
  return table(head, rows);
}

/** The PgBouncer that needs least; the others are shown only. */
function cheapestPeer(scores: readonly Score[]): Score | undefined {
  const peers = scores.filter(({ name }) => name.startsWith('PgBouncer'));
  return peers.sort((a, b) => median(a.cost) - median(b.cost))[0];
}

/** Holds the like-for-like run against the bar; true where there is nothing to hold it against. */
function judge(scores: readonly Score[], say: Say): boolean {
  const peer = cheapestPeer(scores);
  if (peer === undefined) return true;
  const ours = scores.find(({ name }) => name.endsWith('primary'));
  const ratio = pairedRatio(ours?.cost ?? [], peer.cost);
  const met = ratio <= BAR;
  say(
    `\n${met ? 'met' : 'MISSED'}: ${times(ratio)} of ${peer.name} per query, like for like; the bar is ${times(BAR)}`,
  );
  return met;
}
