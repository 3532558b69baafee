import { openArena } from './arena.ts';
import { type Contestant, contest, type Measure } from './contest.ts';
import { machineLine, nodeLine } from './machine.ts';
import type { Options } from './options.ts';
import { measure, version } from './pgbench.ts';
import { findPgBouncer, startPgBouncer } from './pgbouncer.ts';
import { startProxy } from './proxy.ts';
import type { Say } from './say.ts';
import { costTable, judge } from './verdict.ts';

/** Server connections that PgBouncer is tried with; the cheapest counts. */
const BOUNCER_POOLS = [4, 8, 20];
const POOL = 20;
const PEER = 'PgBouncer';
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
    const load: Measure = (aim, seconds) =>
      measure(aim, { work: 'select', protocol: 'simple', clients, seconds }, signal);
    say(
      `\npgbench -S -M simple, ${clients} clients, ${options.rounds} rounds of ${options.seconds} s in turn\n`,
    );
    const scores = await contest(contestants, load, options);
    say(costTable(scores, PEER));
    if (!judge(scores, PEER, BAR, say)) code = 1;
  }
  return code;
}
