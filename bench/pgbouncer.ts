import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serverAccount } from '../src/demo/account.ts';
import { need, pathOf } from '../test/support/need.ts';
import type { Arena } from './arena.ts';
import { answers, Started } from './process.ts';

/** How PgBouncer is run here, and which one it is. */
export interface PgBouncer {
  readonly command: readonly string[];
  readonly version: string;
}

/** The PgBouncer of POINTSMAN_UNSTABLE, else of the PATH; a text says in words why there is none. */
export function findPgBouncer(): PgBouncer | string {
  const root = process.env['POINTSMAN_UNSTABLE'];
  if (root !== undefined && root !== '') {
    const program = '/usr/sbin/pgbouncer';
    if (!existsSync(join(root, program))) return `POINTSMAN_UNSTABLE has no ${program}`;
    if (process.getuid?.() !== 0) return 'only root may enter POINTSMAN_UNSTABLE with chroot';
    return withVersion(['chroot', '--userspec=postgres:postgres', root, program]);
  }
  const missing = need('pgbouncer');
  return missing === false ? withVersion([pathOf('pgbouncer')]) : missing;
}

function withVersion(command: readonly string[]): PgBouncer {
  const [program = '', ...args] = command;
  const said = execFileSync(program, [...args, '--version'], { encoding: 'latin1' });
  return { command, version: said.split('\n')[0] ?? 'PgBouncer' };
}

/** From 1.21 on it carries prepared statements over in transaction pooling. */
export function knowsPrepared(version: string): boolean {
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) > 1 || Number(minor) >= 21;
}

/** Starts it before the primary: transaction pooling, `size` server connections. */
export async function startPgBouncer(
  { command, version }: PgBouncer,
  arena: Arena,
  port: number,
  size: number,
): Promise<Started> {
  const { user, password, database, port: server } = arena.direct;
  const users = join(arena.folder, 'userlist.txt');
  await writeFile(users, `"${user}" "${password}"\n`);
  const file = join(arena.folder, `pgbouncer-${size}.ini`);
  const lines = [
    '[databases]',
    `${database} = host=127.0.0.1 port=${server} dbname=${database}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = scram-sha-256',
    `auth_file = ${users}`,
    'pool_mode = transaction',
    `default_pool_size = ${size}`,
    'max_client_conn = 1000',
    ...(knowsPrepared(version) ? ['max_prepared_statements = 200'] : []),
    'log_connections = 0',
    'log_disconnections = 0',
    '',
  ];
  await writeFile(file, lines.join('\n'));
  // In a root of its own it changes the account by itself; elsewhere it refuses to be root.
  const account = command[0] === 'chroot' ? undefined : await serverAccount();
  const started = new Started(`PgBouncer (pool of ${size})`, [...command, file], account);
  try {
    await started.ready(() => answers(port));
  } catch (error) {
    await started.stop();
    throw error;
  }
  return started;
}
