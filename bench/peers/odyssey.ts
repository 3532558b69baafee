import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Aim } from '../pgbench.ts';
import type { Started } from '../process.ts';
import { findProgram, makeHome, type Program, startPeer } from './program.ts';

export const findOdyssey = (): Program | string => findProgram('odyssey', ['--version']);

/** As many as the other poolers have. */
const POOL = 20;

/** Starts it before the primary: transaction pooling, one worker, as the other proxies have one. */
export async function startOdyssey(
  program: Program,
  { folder, direct }: { readonly folder: string; readonly direct: Aim },
  port: number,
): Promise<Started> {
  const { user, password, database, port: server } = direct;
  const home = await makeHome(program, folder, `odyssey-${port}`);
  const lines = [
    'daemonize no',
    `locks_dir "${home.inside}"`,
    'enable_online_restart no',
    'log_format "%t %l (%c) %m\\n"',
    'log_to_stdout yes',
    'log_config no',
    'log_session no',
    'log_stats no',
    'workers 1',
    'nodelay yes',
    `listen { host "127.0.0.1" port ${port} backlog 1024 }`,
    `storage "primary" { type "remote" host "127.0.0.1" port ${server} }`,
    `database "${database}" { user "${user}" {`,
    '  authentication "scram-sha-256"',
    `  password "${password}"`,
    '  storage "primary"',
    `  storage_db "${database}"`,
    `  storage_user "${user}"`,
    `  storage_password "${password}"`,
    '  pool "transaction"',
    `  pool_size ${POOL}`,
    '  pool_timeout 0',
    '  pool_discard no',
    '  pool_reserve_prepared_statement yes',
    '} }',
    '',
  ];
  await writeFile(join(home.folder, 'odyssey.conf'), lines.join('\n'));
  return startPeer(program, { name: 'Odyssey', home, args: [`${home.inside}/odyssey.conf`], port });
}
