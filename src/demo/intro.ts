/** What the demo's first page tells. */
export interface Introduced {
  readonly port: number;
  readonly adminPort: number;
  readonly nodes: readonly {
    readonly id: string;
    readonly role: string;
    readonly port: number;
    readonly pid: number | undefined;
  }[];
  readonly hasPsql: boolean;
  /** The folder that outlives the demo. */
  readonly keep: string | undefined;
  readonly sync: boolean;
}

/** The demo's first page: addresses, nodes, and what to try. */
export function introduction(given: Introduced): string {
  const url = `postgres://demo:demo@127.0.0.1:${given.port}/demo`;
  const admin = `http://127.0.0.1:${given.adminPort}`;
  const primary = given.nodes.find(({ role }) => role === 'primary');
  const replicas = given.nodes.length - 1;
  const waits = given.sync ? ' Commits wait for one of them.' : '';
  return `
Pointsman stands before a PostgreSQL 18 cluster: one primary, ${replicas} replicas that stream from it.${waits}

  connect to   ${url}
  admin        ${admin}

  node    role      port     process id
${given.nodes.map(nodeRow).join('\n')}

Try in another terminal:

  a write, it goes to the primary
    ${statement(given, url, "CREATE TABLE IF NOT EXISTS note (said text); INSERT INTO note VALUES ('hello')")}
  a read, it goes to a replica
    ${statement(given, url, 'SELECT * FROM note')}
  lose the primary: a replica takes its place, and the same address goes on to write
    kill -9 ${primary?.pid ?? '(the process id of the primary)'}
  see what the proxy sees
    curl ${admin}/api/view

Ctrl-C ends everything${given.keep === undefined ? ' and removes the data' : `; the data stays in ${given.keep}`}. What happens to the nodes:
`;
}

function nodeRow(node: Introduced['nodes'][number]): string {
  return `  ${node.id.padEnd(8)}${node.role.padEnd(10)}${String(node.port).padEnd(9)}${node.pid ?? 'not running'}`;
}

/** By psql, or from this folder by the driver that is installed anyway. */
function statement({ hasPsql }: Introduced, url: string, sql: string): string {
  if (hasPsql) return `psql ${url} -c "${sql}"`;
  const work =
    "c.connect().then(() => c.query(process.argv[1])).then(r => console.log(r.rows ?? 'done')).finally(() => c.end())";
  return `node -e "const c = new (require('pg').Client)('${url}'); ${work}" "${sql}"`;
}
