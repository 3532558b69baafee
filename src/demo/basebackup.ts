import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type pg from 'pg';
import type { Account } from './account.ts';
import { writeOwned } from './layout.ts';
import { copyTree } from './tree.ts';

/** Folders of which only the empty folder is copied (pg_basebackup leaves the same out; WAL is streamed). */
const EMPTIED =
  /^(pg_wal|pg_dynshmem|pg_notify|pg_replslot|pg_serial|pg_snapshots|pg_stat_tmp|pg_subtrans)[\\/]/;
const LEFT_OUT =
  /^(postmaster\.(pid|opts)|backup_label(\.old)?|backup_manifest|tablespace_map(\.old)?|(standby|recovery)\.signal|postgresql\.auto\.conf\.tmp|pg_internal\.init.*|pgsql_tmp.*)$/;

/** Whether a file of a running server's data folder stays behind. */
export function staysBehind(path: string): boolean {
  return EMPTIED.test(path) || LEFT_OUT.test(basename(path));
}

/**
 * Copies a running primary's data folder (PG 26.3.2, low-level base backup). While `client` stays connected,
 * its temporary slot keeps the WAL that the copy needs from here on.
 */
export async function copyRunning(
  client: pg.Client,
  from: string,
  to: string,
  account: Account | undefined,
): Promise<void> {
  await refuseTablespaces(from);
  const label = basename(to).replaceAll(/\W/g, '_').toLowerCase();
  await client.query('SELECT pg_create_physical_replication_slot($1, true, true)', [
    `pointsman_copy_${label}`,
  ]);
  await client.query('SELECT pg_backup_start($1, fast => true)', [label]);
  await copyTree(from, to, { owner: account, skip: staysBehind, live: true });
  const { rows } = await client.query<{ labelfile: string }>(
    'SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)',
  );
  await writeOwned(join(to, 'backup_label'), rows[0]?.labelfile ?? '', account);
}

async function refuseTablespaces(dataFolder: string): Promise<void> {
  const found = await readdir(join(dataFolder, 'pg_tblspc'));
  if (found.length === 0) return;
  throw new Error(
    'the cluster has tablespaces: an embedded node cannot be copied with them, drop them first',
  );
}
