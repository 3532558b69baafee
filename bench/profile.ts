import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openArena } from './arena.ts';
import { pgbenchLoad, pgbenchTitle } from './loads/pgbench-load.ts';
import { sysbenchLoad, sysbenchTitle } from './loads/sysbench-load.ts';
import { nodeLine } from './machine.ts';
import { Meter } from './meter.ts';
import type { Options } from './options.ts';
import { startProxy } from './proxy.ts';
import { flamePlot, readProfile, stageTable } from './report/flame.ts';
import type { Say } from './say.ts';

/** Microseconds between two samples. */
const SAMPLE_EVERY = 250;
const POOL = 20;

/** Profiles the proxy under one load of reads; keeps the profile and a flame graph of it in a new temporary folder. */
export async function profile(options: Options, signal: AbortSignal, say: Say): Promise<number> {
  const { engine, seconds, protocol } = options;
  const [clients = 1] = options.clients;
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-profile-'));
  const select = { work: 'select', protocol, clients } as const;
  const points = {
    script: 'oltp_point_select',
    prepared: protocol === 'prepared',
    threads: clients,
  } as const;
  const isPostgres = engine === 'postgres';
  const title = isPostgres ? pgbenchTitle(select) : `${engine}: ${sysbenchTitle(points)}`;
  await using arena = await openArena(options, signal);
  const [port = 0, adminPort = 0] = arena.ports;
  const nodeOptions = ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-interval=${SAMPLE_EVERY}`];
  const asked = {
    name: 'pointsman',
    port,
    adminPort,
    reads: 'primary',
    poolSize: POOL,
    nodeOptions,
  } as const;
  await using proxy = await startProxy(arena, asked);
  const measure = isPostgres ? pgbenchLoad(select, signal) : sysbenchLoad(points, signal);
  const meter = new Meter(proxy);
  const count = await measure({ ...arena.direct, port }, seconds);
  const used = meter.stop(count.seconds);
  const measured = performance.now();
  // Node writes the profile when it ends; what was before the load is left out of the picture.
  await proxy.stop();
  const lastMs = count.seconds * 1_000 + performance.now() - measured;
  const [file = ''] = (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile'));
  const found = readProfile(await readFile(join(folder, file), 'utf8'), lastMs);
  const flame = join(folder, 'flame.svg');
  await writeFile(flame, flamePlot(found, title));
  say(`${title}; ${nodeLine()}; ${arena.server}\n`);
  say(stageTable(found, count.transactions, used));
  say(`\nprofile (opens in the DevTools of Chrome): ${join(folder, file)}`);
  say(`flame graph: ${flame}`);
  return 0;
}
