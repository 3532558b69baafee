import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Credentials } from '../src/demo/credentials.ts';
import { Started, withFiles } from './process.ts';

/** As bin/node.mjs starts it. */
export const NODE_OPTIONS = ['--max-semi-space-size=4', '--expose-gc'];

/** Clients that it may have, more than any load brings. */
const MOST_CLIENTS = 20_000;

/** A cluster to stand before, and a folder for the configuration. */
export interface Ground {
  readonly engine: string;
  readonly folder: string;
  readonly cluster: {
    readonly nodes: readonly { readonly id: string; readonly port: number }[];
    readonly credentials: Pick<Credentials, 'client' | 'monitor'>;
  };
}

export interface ProxyOptions {
  readonly name: string;
  readonly port: number;
  readonly adminPort: number;
  /** `primary`: everything goes where PgBouncer would send it. */
  readonly reads: 'replicas' | 'primary';
  /** Server connections per node. */
  readonly poolSize: number;
  /** Processes; 1 if left out. */
  readonly workers?: number;
  /** Options for Node itself, e.g. a profiler's. */
  readonly nodeOptions?: readonly string[];
  /** Files of a certificate for clients that ask for TLS, and of its key; left out: not offered. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Files it may have open; left out: as many as this process. */
  readonly files?: number;
}

/** Starts this proxy before the cluster, in a process of its own; resolves when it is ready for writes and reads. */
export async function startProxy(arena: Ground, options: ProxyOptions): Promise<Started> {
  const file = join(arena.folder, `${options.name}.yaml`);
  // JSON is YAML.
  await writeFile(file, JSON.stringify(configuration(arena, options)), { mode: 0o600 });
  const main = resolve(import.meta.dirname, '..', 'src', 'main.ts');
  const command = [
    process.execPath,
    ...NODE_OPTIONS,
    ...(options.nodeOptions ?? []),
    main,
    'run',
    '-c',
    file,
  ];
  const { files } = options;
  const started = new Started(options.name, files === undefined ? command : withFiles(files, command));
  try {
    await started.ready(() => isReady(options.adminPort, arena.cluster.nodes.length));
  } catch (error) {
    await started.stop();
    throw error;
  }
  return started;
}

function configuration(arena: Ground, options: ProxyOptions): object {
  const { port, adminPort, reads, poolSize, workers, tls } = options;
  const host = '127.0.0.1';
  const { client, monitor } = arena.cluster.credentials;
  return {
    admin: { listen: { host, port: adminPort } },
    log: { level: 'warn' },
    ...(workers === undefined ? {} : { workers }),
    clusters: [
      {
        name: 'bench',
        engine: arena.engine,
        listen: { host, port, maxClients: MOST_CLIENTS, ...(tls === undefined ? {} : { tls }) },
        nodes: arena.cluster.nodes.map((node) => ({ name: node.id, host, port: node.port })),
        users: [{ name: client.user, password: client.password }],
        monitor: { ...monitor, database: client.database },
        pool: { size: poolSize },
        routing: { reads },
        consistency: 'session',
        // As the peers are run: nothing is encrypted on this machine.
        serverTls: { mode: 'disable' },
      },
    ],
  };
}

/** All nodes are up in the proxy's own view, and it says that it is ready. */
async function isReady(adminPort: number, nodes: number): Promise<boolean> {
  try {
    const ready = await fetch(`http://127.0.0.1:${adminPort}/readyz`);
    const view = await fetch(`http://127.0.0.1:${adminPort}/api/view`);
    const up = (await view.text()).match(/"state":"up"/g)?.length ?? 0;
    return ready.ok && up >= nodes;
  } catch {
    return false;
  }
}
