import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Started } from '../process.ts';
import { findProgram, makeHome, type Program, startPeer } from './program.ts';

export const findRouter = (): Program | string => findProgram('mysqlrouter', ['--version']);

/** Starts it before one server: it passes the bytes through, encrypted or not. */
export async function startRouter(
  program: Program,
  { folder }: { readonly folder: string },
  port: number,
  server: number,
): Promise<Started> {
  const home = await makeHome(program, folder, `router-${port}`);
  const lines = [
    '[DEFAULT]',
    `logging_folder=${home.inside}`,
    `runtime_folder=${home.inside}`,
    `data_folder=${home.inside}`,
    '[routing:primary]',
    'bind_address=127.0.0.1',
    `bind_port=${port}`,
    `destinations=127.0.0.1:${server}`,
    'routing_strategy=first-available',
    'protocol=classic',
    'client_ssl_mode=PASSTHROUGH',
    'server_ssl_mode=AS_CLIENT',
    'max_connections=2000',
    '',
  ];
  await writeFile(join(home.folder, 'router.conf'), lines.join('\n'));
  const args = ['-c', `${home.inside}/router.conf`];
  return startPeer(program, { name: 'MySQL Router', home, args, port });
}
