import { chown, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProxyError } from '../core/errors.ts';
import type { Account } from './account.ts';
import { run } from './run.ts';

/** The cluster's folder, owned by `account`: the wanted one, or a temporary one. */
export async function makeFolder(wanted: string | undefined, account: Account | undefined): Promise<string> {
  if (wanted !== undefined) await mkdir(wanted, { recursive: true, mode: 0o700 });
  const folder = wanted ?? (await mkdtemp(join(tmpdir(), 'pointsman-')));
  if (account !== undefined) await chown(folder, account.uid, account.gid);
  return folder;
}

/** Rejects if the account that servers run as cannot get to the folder (one below /root). */
export async function checkReach(folder: string, account: Account | undefined): Promise<void> {
  if (account === undefined) return;
  try {
    await run('/bin/sh', ['-c', 'cd "$0" && test -w .', folder], { account, withinMs: 5_000 });
  } catch (cause) {
    throw new ProxyError('CONFIG', {
      side: 'proxy',
      retry: 'no',
      tell: `the account ${account.name}, which runs the servers, cannot enter ${folder}; choose a folder that others may enter, e.g. below /var/tmp`,
      cause,
    });
  }
}
