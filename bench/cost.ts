import { openArena } from './arena.ts';
import { BARS, judge } from './bars.ts';
import { contest } from './contest.ts';
import { FLOOR } from './floor/floor.ts';
import { pgbenchLoad, pgbenchTitle } from './loads/pgbench-load.ts';
import { sysbenchLoad, sysbenchTitle } from './loads/sysbench-load.ts';
import { machineLine, nodeLine } from './machine.ts';
import type { Options } from './options.ts';
import { beside } from './readings.ts';
import { barTable, failureLines, scoreTable } from './report/tables.ts';
import { DIRECT, type Entrant, Ring } from './ring.ts';
import type { Say } from './say.ts';

/**
 * Reads alone, in turn with PgBouncer or MySQL Router, held against the bars for this load; CPU per query on
 * MySQL and MariaDB has one bar for any number of threads. Gives the exit code: 1 if a bar was missed.
 */
export async function cost(options: Options, signal: AbortSignal, say: Say): Promise<number> {
  const { engine, rounds, seconds } = options;
  await using arena = await openArena(options, signal);
  await using ring = new Ring(arena);
  const peer: Entrant = engine === 'postgres' ? 'PgBouncer' : 'MySQL Router';
  say(machineLine());
  say(`${nodeLine()}; ${arena.server}`);
  for (const line of ring.lines().filter((one) => one.includes(peer) || one.startsWith(`${FLOOR}:`)))
    say(line);
  let code = 0;
  for (const clients of options.clients) {
    const select = { work: 'select', protocol: 'simple', clients } as const;
    const points = { script: 'oltp_point_select', prepared: false, threads: clients } as const;
    const isPostgres = engine === 'postgres';
    const measure = isPostgres ? pgbenchLoad(select, signal) : sysbenchLoad(points, signal);
    const title = isPostgres ? pgbenchTitle(select) : sysbenchTitle(points);
    say(`\n${title}; ${rounds} rounds of ${seconds} s in turn\n`);
    const contestants = await ring.contestants([DIRECT, FLOOR, peer, 'primary', 'replicas'], clients);
    const scores = await contest(contestants, measure, options, signal);
    say(scoreTable(scores));
    for (const line of failureLines(scores)) say(line);
    const readings = beside(scores);
    const judged = barsOf(engine, clients).map((bar) => judge(bar, readings, beside(scores, FLOOR)));
    if (judged.length > 0) say(`\n${barTable(judged)}`);
    if (judged.some(({ met }) => met === false)) code = 1;
  }
  return code;
}

function barsOf(engine: Options['engine'], clients: number): typeof BARS {
  const trial = engine === 'postgres' ? `select-${clients}` : `${engine}-64`;
  const found = BARS.filter((bar) => bar.trial === trial);
  return engine === 'postgres' || clients === 64 ? found : found.filter(({ holds }) => holds === '≤');
}
