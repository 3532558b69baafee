import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Aim } from '../pgbench.ts';
import type { Started } from '../process.ts';
import { findProgram, makeHome, type Program, startPeer } from './program.ts';

/** Debian does not carry it; it counts where it is installed. */
export const findProxysql = (): Program | string => findProgram('proxysql', ['--version']);

/** Starts it before the primary with one thread; its monitor is off, as there is nothing to switch to. */
export async function startProxysql(
  program: Program,
  { folder, direct }: { readonly folder: string; readonly direct: Aim },
  ports: readonly [port: number, control: number],
): Promise<Started> {
  const [port, control] = ports;
  const { user, password, database, port: server } = direct;
  const home = await makeHome(program, folder, `proxysql-${port}`);
  const lines = [
    `datadir="${home.inside}"`,
    `admin_variables={ admin_credentials="admin:admin"; mysql_ifaces="127.0.0.1:${control}" }`,
    `mysql_variables={ threads=1; interfaces="127.0.0.1:${port}"; max_connections=4000;`,
    '  monitor_enabled=false; have_ssl=false }',
    `mysql_servers=({ address="127.0.0.1", port=${server}, hostgroup=0, max_connections=200 })`,
    `mysql_users=({ username="${user}", password="${password}", default_hostgroup=0,`,
    `  default_schema="${database}", max_connections=4000 })`,
    '',
  ];
  await writeFile(join(home.folder, 'proxysql.cnf'), lines.join('\n'));
  const args = ['-f', '--idle-threads', '-c', `${home.inside}/proxysql.cnf`, '-D', home.inside];
  return startPeer(program, { name: 'ProxySQL', home, args, port });
}
