import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Arena } from '../arena.ts';
import type { Started } from '../process.ts';
import { findProgram, makeHome, type Program, startPeer } from './program.ts';

export const findPgBouncer = (): Program | string => findProgram('pgbouncer', ['--version']);

/** From 1.21 on it carries prepared statements over in transaction pooling. */
export function knowsPrepared(version: string): boolean {
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) > 1 || Number(minor) >= 21;
}

/**
 * Starts it before the primary: transaction pooling, `size` server connections. Everything else is as it comes,
 * but for the log of each connection, which would cost it time.
 */
export async function startPgBouncer(
  program: Program,
  { folder, direct, cluster }: Pick<Arena, 'folder' | 'direct' | 'cluster'>,
  port: number,
  size: number,
): Promise<Started> {
  const { user, database, port: server } = direct;
  const home = await makeHome(program, folder, `pgbouncer-${port}`);
  // Of a password it derives the keys anew in each log-in, in some runs (2 ms each); of what the server keeps it never
  // does, and it logs in to the server with the keys of its clients.
  const [row] = await cluster.query('pg-1', `SELECT rolpassword FROM pg_authid WHERE rolname = '${user}'`);
  await writeFile(join(home.folder, 'userlist.txt'), `"${user}" "${row?.['rolpassword']}"\n`);
  const lines = [
    '[databases]',
    `${database} = host=127.0.0.1 port=${server} dbname=${database}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = scram-sha-256',
    `auth_file = ${home.inside}/userlist.txt`,
    'pool_mode = transaction',
    `default_pool_size = ${size}`,
    'max_client_conn = 12000',
    ...(knowsPrepared(program.version) ? ['max_prepared_statements = 200'] : []),
    'log_connections = 0',
    'log_disconnections = 0',
    '',
  ];
  await writeFile(join(home.folder, 'pgbouncer.ini'), lines.join('\n'));
  const name = `PgBouncer (pool of ${size})`;
  // SIGINT would wait for the transactions under way.
  return startPeer(program, { name, home, args: [`${home.inside}/pgbouncer.ini`], port, endWith: 'SIGQUIT' });
}
