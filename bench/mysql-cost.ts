import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MysqlCluster } from '../src/demo/mysql.ts';
import { freeRun } from '../src/demo/ports.ts';
import { type Contestant, contest, type Measure } from './contest.ts';
import { machineLine, nodeLine } from './machine.ts';
import type { Options } from './options.ts';
import { startProxy } from './proxy.ts';
import { findRouter, startRouter } from './router.ts';
import type { Say } from './say.ts';
import { layTable, measureSysbench, sysbenchVersion } from './sysbench.ts';
import { costTable, judge } from './verdict.ts';

const PEER = 'MySQL Router';
const POOL = 20;
/** Of MySQL Router's processor time per query, which passes the bytes through. */
const BAR = 0.7;

/** Point selects by sysbench, in turn with MySQL Router. Gives the exit code: 1 if the bar was missed. */
export async function mysqlCost(options: Options, signal: AbortSignal, say: Say): Promise<number> {
  await using owned = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-bench-'));
  owned.defer(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  const flavour = options.engine === 'mysql' ? 'mysql' : 'mariadb';
  const cluster = owned.use(await MysqlCluster.start({ flavour, ports: await freeRun(options.nodePort, 3) }));
  const { user, password, database } = cluster.credentials.client;
  const [primary] = cluster.nodes;
  const direct = { port: primary?.port ?? 0, user, password, database };
  await layTable(direct, signal);
  const ground = { engine: options.engine, folder, cluster };
  const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0] = await freeRun(options.port, 5);
  const contestants: Contestant[] = [{ name: 'direct', aim: direct, process: undefined }];
  const router = findRouter();
  if (typeof router !== 'string') {
    const started = owned.use(await startRouter(router, folder, fifth, direct.port));
    contestants.push({ name: PEER, aim: { ...direct, port: fifth }, process: started });
  }
  for (const [reads, port, adminPort] of [
    ['primary', first, second],
    ['replicas', third, fourth],
  ] as const) {
    const given = { name: `pointsman-${reads}`, port, adminPort, reads, poolSize: POOL };
    const started = owned.use(await startProxy(ground, given));
    contestants.push({ name: `Pointsman, reads: ${reads}`, aim: { ...direct, port }, process: started });
  }
  say(machineLine());
  say(`${nodeLine()}; ${options.engine}; ${await sysbenchVersion()}`);
  say(typeof router === 'string' ? `Without MySQL Router: ${router}.` : router.version);
  let code = 0;
  for (const threads of options.clients) {
    const load = { script: 'oltp_point_select', prepared: false, threads } as const;
    const measure: Measure = (aim, seconds) => measureSysbench(aim, load, seconds, signal);
    say(
      `\noltp_point_select, text, ${threads} threads, ${options.rounds} rounds of ${options.seconds} s in turn\n`,
    );
    const scores = await contest(contestants, measure, options);
    say(costTable(scores, PEER));
    if (!judge(scores, PEER, BAR, say)) code = 1;
  }
  return code;
}
