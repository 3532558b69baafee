import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProxyError } from '../core/errors.ts';
import type { EngineName } from './cluster.ts';
import type { Credentials } from './credentials.ts';
import { runningOn } from './remains.ts';

/** What a kept folder says of its cluster: `cluster.json`. */
export interface Kept {
  readonly engine: EngineName;
  readonly credentials: Credentials;
  readonly nodes: readonly string[];
  /** The node that was the primary when the cluster was closed, where only the servers could tell. */
  readonly primary?: string;
}

const FILE = 'cluster.json';

export async function writeKept(folder: string, kept: Kept): Promise<void> {
  await writeFile(join(folder, FILE), `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 });
}

/**
 * The cluster that a folder holds; undefined if the folder is empty or missing.
 * Rejects with ProxyError('CONFIG') if it holds anything else, or if its servers run.
 */
export async function readKept(folder: string, engine: EngineName): Promise<Kept | undefined> {
  const entries: string[] = await readdir(folder).catch(() => []);
  if (entries.length === 0) return undefined;
  if (!entries.includes(FILE))
    throw refusal(`${folder} is not empty and holds no cluster of the demo`, 'choose an empty folder');
  const kept = JSON.parse(await readFile(join(folder, FILE), 'utf8')) as Kept;
  const laidFor = kept.engine ?? 'postgres';
  if (laidFor !== engine)
    throw refusal(`${folder} holds a cluster of ${laidFor}, not of ${engine}`, 'choose another folder');
  for (const id of kept.nodes) {
    const pid = await runningOn(join(folder, id));
    if (pid !== undefined)
      throw refusal(
        `${folder} is in use: the server ${id} runs on it as process ${pid}`,
        'end that demo first',
      );
  }
  return kept;
}

/**
 * The node to start as primary: the one without standby.signal; of several (one had been killed and was not
 * copied anew) the one on the newest timeline.
 */
export async function keptPrimary(folder: string, nodes: readonly string[]): Promise<string> {
  const found: { id: string; timeline: number }[] = [];
  for (const id of nodes) {
    const isReplica = await exists(join(folder, id, 'standby.signal'));
    if (!isReplica) found.push({ id, timeline: newestTimeline(await walFiles(join(folder, id))) });
  }
  const [first] = found.toSorted((a, b) => b.timeline - a.timeline);
  if (first !== undefined) return first.id;
  throw refusal(`${folder} holds replicas only`, 'choose an empty folder');
}

/** The greatest timeline in the names of WAL segments (PG 28.6: the first 8 hexadecimal digits). */
export function newestTimeline(files: readonly string[]): number {
  const timelines = files
    .filter((name) => /^[0-9A-F]{24}$/.test(name))
    .map((name) => Number.parseInt(name.slice(0, 8), 16));
  return Math.max(0, ...timelines);
}

async function walFiles(dataFolder: string): Promise<string[]> {
  return readdir(join(dataFolder, 'pg_wal')).catch(() => []);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function refusal(what: string, mend: string): ProxyError {
  return new ProxyError('CONFIG', { side: 'proxy', retry: 'no', tell: `${what}; ${mend}` });
}
