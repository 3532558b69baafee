import { chown, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeId } from '../../src/core/node.ts';
import type { Target } from '../../src/core/wire.ts';
import type { EmbeddedCluster } from '../../src/demo/postgres.ts';
import { md5Hash } from '../../src/postgres/md5.ts';
import { type Certificate, selfSigned } from './certificate.ts';
import { startCluster } from './cluster.ts';

/** One real server that offers TLS and takes each user by a method of its own. */
export interface AuthServer extends AsyncDisposable {
  readonly certificate: Certificate;
  readonly cluster: EmbeddedCluster;
  readonly port: number;
  target(user: string, change?: Partial<Target>): Target;
}

/** The users' password; SASLprep changes it. `md5er` has the password `plain`. */
export const PASSWORD = 'Gruß Ⅸ';

const HBA = [
  'host all truster 127.0.0.1/32 trust',
  'host all md5er 127.0.0.1/32 md5',
  'host all clearer 127.0.0.1/32 password',
  'host all banned 127.0.0.1/32 reject',
  'hostssl all secure 127.0.0.1/32 scram-sha-256',
  'hostnossl all secure 127.0.0.1/32 reject',
  'host all all 127.0.0.1/32 scram-sha-256',
  '',
].join('\n');

export async function startAuthServer(): Promise<AuthServer> {
  const cluster = await startCluster({ replicas: 0 });
  try {
    const certificate = selfSigned('rsa-sha384');
    await configure(cluster, certificate);
    const port = cluster.node('pg-1').port;
    return {
      certificate,
      cluster,
      port,
      target: (user, change) => ({
        node: nodeId('pg-1'),
        endpoint: { host: '127.0.0.1', port },
        user,
        password: user === 'md5er' ? 'plain' : PASSWORD,
        database: 'postgres',
        options: '',
        tls: undefined,
        ...change,
      }),
      [Symbol.asyncDispose]: () => cluster.close(),
    };
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

async function configure(cluster: EmbeddedCluster, { cert, key }: Certificate): Promise<void> {
  const folder = cluster.node('pg-1').dataFolder;
  const { uid, gid } = await stat(folder);
  for (const [name, text] of [
    ['server.crt', cert],
    ['server.key', key],
    ['pg_hba.conf', HBA],
  ] as const) {
    await writeFile(join(folder, name), text, { mode: 0o600 });
    await chown(join(folder, name), uid, gid);
  }
  for (const user of ['scrammer', 'secure', 'truster', 'clearer', 'banned']) {
    await cluster.query('pg-1', `CREATE ROLE ${user} LOGIN PASSWORD '${PASSWORD}'`);
  }
  await cluster.query('pg-1', `CREATE ROLE md5er LOGIN PASSWORD '${md5Hash('md5er', 'plain')}'`);
  await cluster.query('pg-1', 'ALTER SYSTEM SET ssl = on');
  await cluster.query('pg-1', 'SELECT pg_reload_conf()');
  // A new backend that sees it was forked by a postmaster that has read all three files.
  for (;;) {
    const [row] = await cluster.query('pg-1', 'SHOW ssl');
    if (row?.['ssl'] === 'on') return;
  }
}
