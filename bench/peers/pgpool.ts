import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Started } from '../process.ts';
import type { Ground } from '../proxy.ts';
import { findProgram, type Home, makeHome, type Program, startPeer } from './program.ts';

export const findPgpool = (): Program | string => findProgram('pgpool', ['--version']);

/** Children beyond the clients: none waits for one that is just ending. */
const SPARE = 4;

/**
 * Starts it before all nodes with load balancing, for `clients` at one time: it has a process for each, and one
 * connection to every node in each process, as there is one user and one database. Health checks and the query
 * cache are off, as they come.
 */
export async function startPgpool(
  program: Program,
  ground: Ground,
  ports: readonly [port: number, control: number],
  clients: number,
): Promise<Started> {
  const { user, password } = ground.cluster.credentials.client;
  const [port] = ports;
  const home = await makeHome(program, ground.folder, `pgpool-${port}`);
  const file = (name: string): string => join(home.folder, name);
  await writeFile(file('pgpool.conf'), configuration(ground, home, ports, clients).join('\n'));
  await writeFile(file('pool_hba.conf'), 'host all all 127.0.0.1/32 scram-sha-256\n');
  await writeFile(file('pool_passwd'), `${user}:TEXT${password}\n`);
  await writeFile(file('pcp.conf'), '');
  const args = ['-n', '-f', 'pgpool.conf', '-a', 'pool_hba.conf', '-F', 'pcp.conf'].map((arg) =>
    arg.startsWith('-') ? arg : `${home.inside}/${arg}`,
  );
  return startPeer(program, { name: 'Pgpool-II', home, args, port, endWith: 'SIGINT' });
}

function configuration(
  { cluster }: Ground,
  { inside }: Home,
  [port, control]: readonly [number, number],
  clients: number,
): string[] {
  const { monitor, client } = cluster.credentials;
  const backends = cluster.nodes.flatMap((node, at) => [
    `backend_hostname${at} = '127.0.0.1'`,
    `backend_port${at} = ${node.port}`,
    `backend_weight${at} = 1`,
    `backend_flag${at} = 'DISALLOW_TO_FAILOVER'`,
  ]);
  return [
    "backend_clustering_mode = 'streaming_replication'",
    "listen_addresses = '127.0.0.1'",
    `port = ${port}`,
    `unix_socket_directories = '${inside}'`,
    "pcp_listen_addresses = ''",
    `pcp_port = ${control}`,
    `pcp_socket_dir = '${inside}'`,
    `pid_file_name = '${inside}/pgpool.pid'`,
    `logdir = '${inside}'`,
    ...backends,
    `num_init_children = ${clients + SPARE}`,
    'max_pool = 1',
    'load_balance_mode = on',
    'enable_pool_hba = on',
    `pool_passwd = '${inside}/pool_passwd'`,
    `sr_check_user = '${monitor.user}'`,
    `sr_check_password = '${monitor.password}'`,
    `sr_check_database = '${client.database}'`,
    "log_min_messages = 'warning'",
    '',
  ];
}
