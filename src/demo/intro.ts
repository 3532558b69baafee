import type { EngineName } from './cluster.ts';

/** What the demo's first page tells. */
export interface Introduced {
  readonly engine: EngineName;
  /** The server's name and version, e.g. `PostgreSQL 18`. */
  readonly product: string;
  readonly port: number;
  readonly adminPort: number;
  readonly nodes: readonly {
    readonly id: string;
    readonly role: string;
    readonly port: number;
    readonly pid: number | undefined;
  }[];
  /** The engine's own client that is on the PATH. */
  readonly client: string | undefined;
  /** The folder that outlives the demo. */
  readonly keep: string | undefined;
  readonly sync: boolean;
}

/** The demo's first page: addresses, nodes, and what to try. */
export function introduction(given: Introduced): string {
  const admin = `http://127.0.0.1:${given.adminPort}`;
  const primary = given.nodes.find(({ role }) => role === 'primary');
  const replicas = given.nodes.length - 1;
  const waits = given.sync ? ' Commits wait for one of them.' : '';
  return `
Pointsman stands before a cluster of ${given.product}: one primary, ${replicas} replicas that stream from it.${waits}

  connect to   ${addressOf(given)}
  admin        ${admin}

  node     role      port     process id
${given.nodes.map(nodeRow).join('\n')}

Try in another terminal:

  a write, it goes to the primary
    ${statements(given, 'CREATE TABLE IF NOT EXISTS note (said text)', "INSERT INTO note VALUES ('hello')")}
  a read, it goes to a replica
    ${statements(given, 'SELECT * FROM note')}
  lose the primary: a replica takes its place, and the same address goes on to write
    kill -9 ${primary?.pid ?? '(the process id of the primary)'}
  see what the proxy sees
    curl ${admin}/api/view

Ctrl-C ends everything${given.keep === undefined ? ' and removes the data' : `; the data stays in ${given.keep}`}. What happens to the nodes:
`;
}

function nodeRow(node: Introduced['nodes'][number]): string {
  return `  ${node.id.padEnd(9)}${node.role.padEnd(10)}${String(node.port).padEnd(9)}${node.pid ?? 'not running'}`;
}

function addressOf({ engine, port }: Introduced): string {
  return engine === 'postgres'
    ? `postgres://demo:demo@127.0.0.1:${port}/demo`
    : `mysql://demo:demo@127.0.0.1:${port}/demo`;
}

/** By the engine's own client, or from this folder by the driver that is installed anyway. */
function statements(given: Introduced, ...sql: readonly string[]): string {
  const { engine, client, port } = given;
  const url = addressOf(given);
  if (client === undefined) return sql.map(engine === 'postgres' ? byPg(url) : byMysql2(url)).join('\n    ');
  if (engine === 'postgres') return `${client} ${url} -c "${sql.join('; ')}"`;
  return `${client} -h 127.0.0.1 -P ${port} -u demo -pdemo demo -e "${sql.join('; ')}"`;
}

function byPg(url: string): (sql: string) => string {
  const work =
    "c.connect().then(() => c.query(process.argv[1])).then(r => console.log(r.rows ?? 'done')).finally(() => c.end())";
  return (sql) => `node -e "const c = new (require('pg').Client)('${url}'); ${work}" "${sql}"`;
}

function byMysql2(url: string): (sql: string) => string {
  const work = 'c.query(process.argv[1]).then(r => console.log(r[0])).finally(() => c.end())';
  return (sql) =>
    `node -e "require('mysql2/promise').createConnection('${url}').then(c => ${work})" "${sql}"`;
}
