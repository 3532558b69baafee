import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Started } from '../process.ts';
import { findProgram, makeHome, type Program, startPeer } from './program.ts';

export const findHaproxy = (): Program | string => findProgram('haproxy', ['-v']);

/** Starts it before one server: it passes bytes on and knows no database. One thread, as the others have one. */
export async function startHaproxy(
  program: Program,
  { folder }: { readonly folder: string },
  port: number,
  server: number,
): Promise<Started> {
  const home = await makeHome(program, folder, `haproxy-${port}`);
  const lines = [
    'global',
    '  nbthread 1',
    '  maxconn 5000',
    'defaults',
    '  mode tcp',
    '  timeout connect 5s',
    '  timeout client 10m',
    '  timeout server 10m',
    'frontend clients',
    `  bind 127.0.0.1:${port}`,
    '  default_backend primary',
    'backend primary',
    `  server primary 127.0.0.1:${server}`,
    '',
  ];
  await writeFile(join(home.folder, 'haproxy.cfg'), lines.join('\n'));
  const args = ['-db', '-f', `${home.inside}/haproxy.cfg`];
  return startPeer(program, { name: 'HAProxy', home, args, port });
}
