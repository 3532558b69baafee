import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Arena } from './arena.ts';
import { type Count, WARM_UP } from './contest.ts';
import { Meter } from './meter.ts';
import type { ProfiledLoad } from './outcome.ts';
import type { Started } from './process.ts';
import { startProxy } from './proxy.ts';
import { type Frame, readProfile, type StageTimes, stageTimes } from './report/flame.ts';
import { POOL } from './ring.ts';

/** Microseconds between two samples. */
const SAMPLE_EVERY = 250;

/** Where a proxy's time went under one load. */
export interface Profiled {
  /** As V8 wrote it. */
  readonly file: string;
  readonly root: Frame;
  readonly stages: StageTimes;
}

/**
 * Profiles a proxy of its own under one load, once it is warm. The profile is left in `folder`, which is empty
 * before.
 */
export async function profileLoad(
  arena: Arena,
  { reads, measure: measureWith }: ProfiledLoad,
  { seconds, folder }: { readonly seconds: number; readonly folder: string },
): Promise<Profiled> {
  const port = await arena.nextPort();
  const adminPort = await arena.nextPort();
  const name = `pointsman-profile-${port}`;
  const nodeOptions = ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-interval=${SAMPLE_EVERY}`];
  await using proxy = await startProxy(arena, { name, port, adminPort, reads, poolSize: POOL, nodeOptions });
  const measure = measureWith(arena.signal);
  const aim = { ...arena.direct, port };
  await measure(aim, WARM_UP);
  const { count, used } = await metered(proxy, () => measure(aim, seconds));
  const measured = performance.now();
  // Node writes the profile when it ends; what was before the load is left out of the picture.
  await proxy.stop();
  const lastMs = count.seconds * 1_000 + performance.now() - measured;
  const file = (await readdir(folder)).find((one) => one.endsWith('.cpuprofile'));
  if (file === undefined) throw new Error('Node left no profile when it ended');
  const root = readProfile(await readFile(join(folder, file), 'utf8'), lastMs);
  return { file: join(folder, file), root, stages: stageTimes(root, count.transactions, used) };
}

/** `used`: processor time while the load ran, in ms. */
async function metered(proxy: Started, run: () => Promise<Count>): Promise<{ count: Count; used: number }> {
  const meter = new Meter(proxy);
  try {
    const count = await run();
    return { count, used: meter.stop(count.seconds) };
  } catch (error) {
    meter.stop(0);
    throw error;
  }
}
