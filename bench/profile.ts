import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openArena } from './arena.ts';
import { TRIALS } from './bars.ts';
import { pgbenchLoad, pgbenchTitle } from './loads/pgbench-load.ts';
import { sysbenchLoad, sysbenchTitle } from './loads/sysbench-load.ts';
import { nodeLine } from './machine.ts';
import type { Options } from './options.ts';
import type { ProfiledLoad, Trial } from './outcome.ts';
import { profileLoad } from './profiling.ts';
import { flamePlot, stageTable } from './report/flame.ts';
import type { Say } from './say.ts';
import { TRIAL_RUNS } from './trials.ts';

/**
 * Profiles the proxy under one load, that of a trial or the reads that were asked for; keeps the profile and a flame
 * graph of it in a new temporary folder.
 */
export async function profile(options: Options, signal: AbortSignal, say: Say): Promise<number> {
  const { title, engine, load } = askedFor(options);
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-profile-'));
  await using arena = await openArena({ ...options, engine }, signal);
  const { file, root, stages } = await profileLoad(arena, load, { seconds: options.seconds, folder });
  const flame = join(folder, 'flame.svg');
  await writeFile(flame, flamePlot(root, title));
  say(`${title}; ${nodeLine()}; ${arena.server}\n`);
  say(stageTable(stages));
  say(`\nprofile (opens in the DevTools of Chrome): ${file}`);
  say(`flame graph: ${flame}`);
  return 0;
}

interface Asked extends Pick<Trial, 'engine' | 'title'> {
  readonly load: ProfiledLoad;
}

/** Throws a RangeError if the trial has no load that could be profiled. */
export function askedFor(options: Pick<Options, 'trial' | 'engine' | 'protocol' | 'clients'>): Asked {
  const { trial, engine, protocol } = options;
  if (trial !== undefined) return ofTrial(trial);
  const [clients = 1] = options.clients;
  if (engine === 'postgres') {
    const select = { work: 'select', protocol, clients } as const;
    const measure: ProfiledLoad['measure'] = (signal) => pgbenchLoad(select, signal);
    return { engine, title: pgbenchTitle(select), load: { reads: 'primary', measure } };
  }
  const prepared = protocol === 'prepared';
  const points = { script: 'oltp_point_select', prepared, threads: clients } as const;
  const measure: ProfiledLoad['measure'] = (signal) => sysbenchLoad(points, signal);
  return { engine, title: `${engine}: ${sysbenchTitle(points)}`, load: { reads: 'primary', measure } };
}

function ofTrial(id: (typeof TRIALS)[number]): Asked {
  const { engine, title, profiled } = TRIAL_RUNS[id];
  if (profiled !== undefined) return { engine, title, load: profiled };
  const able = TRIALS.filter((one) => TRIAL_RUNS[one].profiled !== undefined);
  throw new RangeError(
    `--trial takes ${able.join(', ')}: ${id} has no load that a profile tells anything of`,
  );
}
