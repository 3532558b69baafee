import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { answers, Started } from './process.ts';

/** How MySQL Router is run here, and which one it is. */
export interface Router {
  readonly command: readonly string[];
  readonly version: string;
}

/** The MySQL Router of POINTSMAN_UNSTABLE, else of the PATH; a text says in words why there is none. */
export function findRouter(): Router | string {
  const root = process.env['POINTSMAN_UNSTABLE'];
  const program = '/usr/bin/mysqlrouter';
  if (root !== undefined && root !== '') {
    if (!existsSync(join(root, program))) return `POINTSMAN_UNSTABLE has no ${program}`;
    if (process.getuid?.() !== 0) return 'only root may enter POINTSMAN_UNSTABLE with chroot';
    return withVersion(['chroot', '--userspec=postgres:postgres', root, program]);
  }
  return existsSync(program) ? withVersion([program]) : `${program} is not installed`;
}

function withVersion(command: readonly string[]): Router {
  const [program = '', ...args] = command;
  const said = execFileSync(program, [...args, '--version'], { encoding: 'latin1' });
  return { command, version: said.split('\n')[0]?.trim() ?? 'MySQL Router' };
}

/** Starts it before one server: it passes the bytes through, encrypted or not. */
export async function startRouter(
  { command }: Router,
  folder: string,
  port: number,
  server: number,
): Promise<Started> {
  const home = join(folder, 'router');
  await mkdir(home, { mode: 0o777 });
  await chmod(home, 0o777);
  const file = join(home, 'router.conf');
  const lines = [
    '[DEFAULT]',
    `logging_folder=${home}`,
    `runtime_folder=${home}`,
    `data_folder=${home}`,
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
  await writeFile(file, lines.join('\n'));
  const started = new Started('MySQL Router', [...command, '-c', file]);
  try {
    await started.ready(() => answers(port));
  } catch (error) {
    await started.stop();
    throw error;
  }
  return started;
}
