import { existsSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { startProxy } from '../app.ts';
import { ProxyError } from '../core/errors.ts';
import type { Event } from '../core/events.ts';
import type { NodeId } from '../core/node.ts';
import { type ClusterOptions, type DatabaseCluster, type EngineName, nodeName } from '../demo/cluster.ts';
import { demoConfig } from '../demo/configuration.ts';
import { introduction } from '../demo/intro.ts';
import { MysqlCluster } from '../demo/mysql.ts';
import { DEMO_HELP, type DemoOptions, demoOptions } from '../demo/options.ts';
import { freeRun, requireFree } from '../demo/ports.ts';
import { EmbeddedCluster } from '../demo/postgres.ts';
import { keeperLine, Story } from '../demo/story.ts';
import { atMost, until } from '../demo/until.ts';

const NODES = 3;
const FIRST_NODE_PORT: Readonly<Record<EngineName, number>> = {
  postgres: 15_432,
  mysql: 13_306,
  mariadb: 13_306,
};
const PRODUCTS: Readonly<Record<EngineName, string>> = {
  postgres: 'PostgreSQL',
  mysql: 'MySQL',
  mariadb: 'MariaDB',
};
const RESTART_AFTER = 3_000;
/** Each engine's own client: the first on the PATH is shown. */
const CLIENTS: Readonly<Record<EngineName, readonly string[]>> = {
  postgres: ['psql'],
  mysql: ['mysql'],
  mariadb: ['mariadb', 'mysql'],
};
const SEEN_WITHIN = 10_000;
const CLOSE_WITHIN = 5_000;

/** `pointsman demo`: a cluster and the proxy before it, until a signal ends both. Gives the exit code. */
export async function demo(args: string[]): Promise<number> {
  try {
    const options = demoOptions(args);
    if (options === 'help') say(DEMO_HELP);
    else await runDemo(options, endOfDemo());
    return 0;
  } catch (error) {
    if (!(error instanceof ProxyError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

async function runDemo(options: DemoOptions, end: Promise<void>): Promise<void> {
  await requireFree(options.port, 'clients', '--port');
  await requireFree(options.adminPort, 'the admin page', '--admin-port');
  const ports = await nodePorts(options);
  const restartAfterMs = options.restart ? RESTART_AFTER : undefined;
  const { engine } = options;
  say(`Starting three ${PRODUCTS[engine]} servers and the proxy …\n`);
  await using cluster = await startCluster(engine, {
    ports,
    ...(options.keep === undefined ? {} : { folder: resolve(options.keep), keep: true }),
    synchronous: options.sync,
    ...(restartAfterMs === undefined ? {} : { supervise: { restartAfterMs } }),
    told: (event) => tell([keeperLine(event, restartAfterMs)]),
  });
  const story = new Story((node) => cluster.node(node).pid);
  const proxy = await startProxy(demoConfig(cluster, options), {
    hooks: { rejoin: (node: NodeId, primary: NodeId) => cluster.rejoin(node, primary) },
    emit: (event: Event) => {
      if (event.kind === 'view-changed') tell(story.next(event.view, performance.now()));
    },
  });
  try {
    await Promise.race([end, until(() => story.hasBegun, SEEN_WITHIN)]);
    introduce(options, cluster, story);
    await end;
    say('\nEnding everything …\n');
  } finally {
    // What the servers hear of the proxy's end does not matter: they are stopped next.
    await atMost(CLOSE_WITHIN, proxy.close());
  }
}

function startCluster(engine: EngineName, options: ClusterOptions): Promise<DatabaseCluster> {
  if (engine === 'postgres') return EmbeddedCluster.start(options);
  return MysqlCluster.start({ ...options, flavour: engine });
}

/** Resolves at the first signal, or when the launcher has died; later ones change nothing. */
function endOfDemo(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
    if (process.connected) process.on('disconnect', () => resolve());
  });
}

async function nodePorts({ nodePorts: first, engine }: DemoOptions): Promise<number[]> {
  if (first === undefined) return freeRun(FIRST_NODE_PORT[engine], NODES);
  const ports = Array.from({ length: NODES }, (_, index) => first + index);
  for (const [index, port] of ports.entries())
    await requireFree(port, nodeName(engine, index + 1), '--node-ports');
  return ports;
}

function introduce(options: DemoOptions, cluster: DatabaseCluster, story: Story): void {
  const nodes = cluster.nodes.map(({ id, port, pid }) => {
    const role = story.nodes.find((node) => node.id === id)?.role ?? 'unknown';
    return { id, role, port, pid };
  });
  const { engine, port, adminPort, sync, keep } = options;
  const [major = ''] = /^\d+(\.\d+)?/.exec(story.nodes[0]?.version ?? '') ?? [];
  const product = `${PRODUCTS[engine]} ${major}`.trim();
  const clients = CLIENTS[engine].filter(isOnPath);
  say(introduction({ engine, product, port, adminPort, sync, keep, nodes, client: clients[0] }));
}

function isOnPath(program: string): boolean {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.some((folder) => folder !== '' && existsSync(join(folder, program)));
}

function tell(lines: readonly string[]): void {
  const time = new Date().toTimeString().slice(0, 8);
  for (const line of lines) say(`  ${time}  ${line}\n`);
}

function say(text: string): void {
  process.stdout.write(text);
}
