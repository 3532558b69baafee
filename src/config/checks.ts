import { engineWords, UNPROVEN } from './engines.ts';
import { nearest } from './nearest.ts';
import type { Problem } from './references.ts';
import type { Parsed, ParsedCluster } from './schema.ts';

/** What a shape alone cannot say: names that must differ, ports that must be free, parts that need others. */
export function crossCheck(config: Parsed): Problem[] {
  const problems: Problem[] = [];
  duplicates(
    problems,
    config.clusters.map(({ name }, index) => ({ path: ['clusters', index, 'name'], value: name })),
    'cluster',
  );
  for (const [index, cluster] of config.clusters.entries()) checkCluster(problems, cluster, index);
  checkPorts(problems, config);
  return problems;
}

interface Entry {
  readonly path: readonly (string | number)[];
  readonly value: string;
}

function duplicates(problems: Problem[], entries: readonly Entry[], what: string): void {
  const seen = new Set<string>();
  for (const { path, value } of entries) {
    if (seen.has(value)) problems.push({ path, message: `there is already a ${what} called ${value}` });
    seen.add(value);
  }
}

function checkCluster(problems: Problem[], cluster: ParsedCluster, index: number): void {
  const at = ['clusters', index];
  const entries = (list: readonly { name: string }[], key: string): Entry[] =>
    list.map(({ name }, item) => ({ path: [...at, key, item, 'name'], value: name }));
  duplicates(problems, entries(cluster.nodes, 'nodes'), 'node');
  duplicates(problems, entries(cluster.users, 'users'), 'user');
  duplicates(problems, entries(cluster.databases, 'databases'), 'database');
  checkAddresses(problems, cluster, at);
  checkAuth(problems, cluster, at);
  const { failover, serverTls, routing } = cluster;
  if (failover.mode === 'promote' && failover.replication === undefined) {
    const message =
      'promote mode needs failover.replication: the user and password with which replicas stream from a new primary';
    problems.push({ path: [...at, 'failover', 'mode'], message });
  }
  if ((serverTls.cert === undefined) !== (serverTls.key === undefined)) {
    const message = 'cert and key belong together: give both or neither';
    problems.push({ path: [...at, 'serverTls'], message });
  }
  for (const [item, name] of routing.functions.allow.entries()) {
    if (!routing.functions.deny.includes(name)) continue;
    const message = `the function ${name} is both allowed and denied`;
    problems.push({ path: [...at, 'routing', 'functions', 'allow', item], message });
  }
}

function checkAddresses(problems: Problem[], cluster: ParsedCluster, at: readonly (string | number)[]): void {
  const taken = new Map<string, string>();
  for (const [item, node] of cluster.nodes.entries()) {
    const path = [...at, 'nodes', item];
    const address = `${node.host}:${node.port}`;
    const other = taken.get(address);
    if (other !== undefined)
      problems.push({ path, message: `${address} is already the address of ${other}` });
    taken.set(address, node.name);
    if (node.port === cluster.listen.port && reaches(node.host, cluster.listen.host)) {
      problems.push({
        path,
        message: `${address} is this cluster's own listen address: it would call itself`,
      });
    }
  }
}

function checkAuth(problems: Problem[], cluster: ParsedCluster, at: readonly (string | number)[]): void {
  const methods = engineWords.get(cluster.engine)?.methods ?? [];
  const method = cluster.auth.method ?? methods[0] ?? '';
  if (!methods.includes(method)) {
    const meant = nearest(method, methods);
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
    problems.push({
      path: [...at, 'auth', 'method'],
      message: `must be one of ${methods.join(', ')}${hint}`,
    });
  }
  if (method === UNPROVEN) return;
  for (const [item, user] of cluster.users.entries()) {
    if (user.password !== undefined) continue;
    const message = `the user ${user.name} needs a password with auth.method ${method}`;
    problems.push({ path: [...at, 'users', item], message });
  }
}

interface Listener {
  readonly host: string;
  readonly port: number;
  readonly path: readonly (string | number)[];
  readonly name: string;
}

function checkPorts(problems: Problem[], config: Parsed): void {
  const listeners: Listener[] = config.clusters.map(({ name, listen }, index) => ({
    host: listen.host,
    port: listen.port,
    path: ['clusters', index, 'listen', 'port'],
    name: `cluster ${name}`,
  }));
  if (config.admin !== false) {
    listeners.push({ ...config.admin.listen, path: ['admin', 'listen', 'port'], name: 'admin' });
  }
  for (const [index, listener] of listeners.entries()) {
    const other = listeners
      .slice(0, index)
      .find(({ host, port }) => port !== 0 && port === listener.port && clash(host, listener.host));
    if (other === undefined) continue;
    const message = `port ${listener.port} is already the listen port of ${other.name}`;
    problems.push({ path: listener.path, message });
  }
}

const EVERYWHERE = new Set(['0.0.0.0', '::']);
const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

/** Two listeners of the same port that may stand in each other's way. Names are not looked up. */
function clash(a: string, b: string): boolean {
  return a === b || EVERYWHERE.has(a) || EVERYWHERE.has(b);
}

/** Whether a connection to `host` certainly ends at a listener of the same port on `listen`. */
function reaches(host: string, listen: string): boolean {
  return host === listen || (LOOPBACK.has(host) && (LOOPBACK.has(listen) || EVERYWHERE.has(listen)));
}
