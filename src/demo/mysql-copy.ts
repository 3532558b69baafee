import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ProxyError } from '../core/errors.ts';
import type { Account } from './account.ts';
import type { Login } from './credentials.ts';
import { writeOwned } from './layout.ts';
import { connectedMysql } from './mysql-ask.ts';
import type { House } from './mysql-house.ts';
import { HOST } from './ports.ts';
import { run } from './run.ts';

/** A running server to copy, and with which account. */
export interface Copied {
  readonly superuser: Login;
  readonly port: number;
  readonly dataFolder: string;
}

const COPY_WITHIN = 600_000;

/**
 * Copies a running server's data to a folder that does not exist yet, without stopping its writes. Gives the
 * position that a server on the copy must be told (MariaDB); undefined where the copy knows it (MySQL).
 */
export async function copyServer(
  house: House,
  from: Copied,
  to: string,
  account: Account | undefined,
): Promise<string | undefined> {
  if (house.programs.flavour === 'mariadb') return backUp(house, from, to, account);
  // The clone plugin's snapshot, written by the server itself (MySQL 7.6.7.2).
  const asked = { ...from.superuser, port: from.port };
  await connectedMysql(asked, (connection) =>
    connection.query('CLONE LOCAL DATA DIRECTORY = ?', [house.inside(to)]),
  );
  return undefined;
}

async function backUp(house: House, from: Copied, to: string, account: Account | undefined): Promise<string> {
  const { backup } = house.programs;
  if (backup === undefined)
    throw new ProxyError('UNSUPPORTED', {
      side: 'proxy',
      retry: 'no',
      tell: 'a MariaDB node can be copied with mariadb-backup only, which is not installed (package mariadb-backup)',
    });
  // The password stands in a file, not on a command line.
  const options = `${to}.cnf`;
  const { user, password } = from.superuser;
  await writeOwned(options, `[mariadb-backup]\nuser=${user}\npassword=${password}\n`, account);
  const call = async (...args: readonly string[]): Promise<void> => {
    const all = [`--defaults-file=${options}`, ...args, `--target-dir=${to}`];
    const launch = house.launch(backup, all);
    await run(launch.file, launch.args, { account: launch.runsAs, withinMs: COPY_WITHIN });
  };
  try {
    await call('--backup', `--host=${HOST}`, `--port=${from.port}`, `--datadir=${from.dataFolder}`);
    await call('--prepare');
    return await positionOf(to);
  } finally {
    await rm(options, { force: true });
  }
}

/** The third field of what the backup notes of the binary log: file, offset, GTIDs. */
async function positionOf(copy: string): Promise<string> {
  const names = ['mariadb_backup_binlog_info', 'xtrabackup_binlog_info'];
  for (const name of names) {
    const text = await readFile(join(copy, name), 'utf8').catch(() => undefined);
    if (text !== undefined) return text.trim().split('\t')[2] ?? '';
  }
  throw new Error(`the copy in ${copy} says nothing of its position`);
}
