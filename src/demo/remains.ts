import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Account } from './account.ts';
import { commandOf } from './processes.ts';
import { run } from './run.ts';

const REMOVE_WITHIN = 5_000;

/** The server that runs on a data folder now: its process id; undefined if none does. */
export async function runningOn(dataFolder: string): Promise<number | undefined> {
  const lines = await pidFile(dataFolder);
  const pid = Number(lines?.[0]);
  if (commandOf(pid).includes(`-D ${dataFolder} `)) return pid;
  return runningByMark(dataFolder);
}

/** A server whose process id file is called by its mark has that name on its command line too. */
async function runningByMark(dataFolder: string): Promise<number | undefined> {
  const entries: string[] = await readdir(dataFolder).catch(() => []);
  for (const name of entries.filter((entry) => entry.endsWith('.pid'))) {
    const pid = Number(await readFile(join(dataFolder, name), 'utf8').catch(() => ''));
    if (commandOf(pid).includes(` --pid-file=${name}`)) return pid;
  }
  return undefined;
}

/**
 * Takes away what a killed postmaster has left: its shared memory and its pid file.
 * Only when all its processes have ended.
 */
export async function clearRemains(dataFolder: string, account: Account | undefined): Promise<void> {
  const lines = await pidFile(dataFolder);
  if (lines === undefined) return;
  const [key, id] = (lines[6] ?? '').trim().split(/\s+/);
  if (key !== undefined && id !== undefined && (await isLeftSegment(key, id)))
    await run('ipcrm', ['-m', id], { account, withinMs: REMOVE_WITHIN }).catch(() => '');
  await rm(join(dataFolder, 'postmaster.pid'), { force: true });
}

/** Whether a System V segment still is the one that was made for this key, with nobody attached (Linux only). */
async function isLeftSegment(key: string, id: string): Promise<boolean> {
  const table = await readFile('/proc/sysvipc/shm', 'utf8').catch(() => '');
  const [heading = '', ...rows] = table.split('\n').map((line) => line.trim().split(/\s+/));
  const attached = heading.indexOf('nattch');
  return rows.some((row) => row[0] === key && row[1] === id && row[attached] === '0');
}

async function pidFile(dataFolder: string): Promise<string[] | undefined> {
  const text = await readFile(join(dataFolder, 'postmaster.pid'), 'utf8').catch(() => undefined);
  return text?.split('\n');
}
