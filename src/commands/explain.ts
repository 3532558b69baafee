import { parseArgs } from 'node:util';
import { type ClusterConfig, loadConfig } from '../config/config.ts';
import type { Catalogue } from '../core/catalogue.ts';
import type { Explained } from '../core/engine.ts';
import { ProxyError } from '../core/errors.ts';
import type { FunctionLists } from '../core/function-lists.ts';
import type { Target } from '../core/wire.ts';
import { engineNamed } from '../engines.ts';
import { laneIn } from '../lanes.ts';
import { clientTls } from '../net/tls.ts';

const USAGE = `pointsman explain [--engine postgres|mysql|mariadb] [-c FILE [--cluster NAME] [--database NAME]] "SQL"

Says where a statement would go, the primary or a replica, and which rule said so; and whether it may share a server
connection with those of other sessions.
With a configuration the names in it are looked up on the cluster's primary. Without one no server is asked:
relations are taken for plain tables, and functions that are not the engine's own are unknown.
docs/routing.md lists the rules, docs/pooling.md explains lanes.
`;

type Print = (text: string) => void;

interface Question {
  readonly engine: string;
  readonly sql: string;
  readonly file: string | undefined;
  readonly cluster: string | undefined;
  readonly database: string | undefined;
}

/** Gives the exit code: 0, 1 where a server cannot be asked, 2 where it was not called as it wants to be. */
export async function explain(args: readonly string[], print: Print = toStdout): Promise<number> {
  const question = questionIn(args);
  if (question === 'help' || question instanceof Error) {
    print(question === 'help' ? USAGE : `${question.message}\n\n${USAGE}`);
    return question === 'help' ? 0 : 2;
  }
  try {
    print(worded(await answer(question)));
    return 0;
  } catch (error) {
    if (!(error instanceof ProxyError)) throw error;
    print(`${error.message}\n`);
    return 1;
  }
}

function toStdout(text: string): void {
  process.stdout.write(text);
}

function questionIn(args: readonly string[]): Question | 'help' | Error {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        engine: { type: 'string', default: 'postgres' },
        config: { type: 'string', short: 'c' },
        cluster: { type: 'string' },
        database: { type: 'string', short: 'd' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help === true) return 'help';
    const [sql] = positionals;
    if (sql === undefined || positionals.length > 1) return new Error('give one statement, in quotes');
    return {
      engine: values.engine,
      sql,
      file: values.config,
      cluster: values.cluster,
      database: values.database,
    };
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

const NO_LISTS: FunctionLists = { allow: new Set(), deny: new Set() };

async function answer(question: Question): Promise<Explained> {
  const database = question.database ?? '';
  if (question.file === undefined) {
    return engineNamed(question.engine).explain(question.sql, database, undefined, NO_LISTS);
  }
  const { clusters } = await loadConfig(question.file);
  const cluster = clusters.find(({ name }) => question.cluster === undefined || name === question.cluster);
  if (cluster === undefined) {
    throw failed(`there is no cluster ${question.cluster ?? ''} in ${question.file}`);
  }
  const { allow, deny } = cluster.routing.functions;
  const lists: FunctionLists = { allow: new Set(allow), deny: new Set(deny) };
  const catalogue = await catalogueOfPrimary(cluster, question.database);
  const explained = engineNamed(cluster.engine).explain(question.sql, database, catalogue, lists);
  return { ...explained, lane: laneIn(cluster, database, explained.lane) };
}

/** What the names in a database mean, by the word of the cluster's primary. */
async function catalogueOfPrimary(cluster: ClusterConfig, database: string | undefined): Promise<Catalogue> {
  const { mode, ca, cert, key } = cluster.serverTls;
  const tls = clientTls(mode, { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) });
  const { monitor } = cluster;
  const probe = engineNamed(cluster.engine).probe({
    clock: performance,
    timeoutMs: monitor.timeoutMs,
    applicationName: `pointsman:${cluster.name}:explain`,
    replicas: cluster.nodes.length - 1,
    promotes: false,
  });
  try {
    for (const { id, endpoint } of cluster.nodes) {
      const { user, password } = monitor;
      const to = { user, password, database: monitor.database, options: '' };
      const target: Target = { node: id, endpoint, ...to, tls };
      const seen = await probe.observe(target);
      if (seen.kind !== 'seen' || seen.role !== 'primary') continue;
      return await probe.catalogue({ ...target, database: database ?? monitor.database });
    }
  } finally {
    await probe.close();
  }
  throw failed(`no primary of the cluster ${cluster.name} can be reached; leave out -c to ask no server`);
}

const failed = (tell: string): ProxyError =>
  new ProxyError('CONNECT_FAILED', { side: 'server', retry: 'safe', tell });

function worded({ route, rule, detail, reason, lane, assumption }: Explained): string {
  const name = detail === '' ? '' : ` (${detail})`;
  const rest = assumption === undefined ? '' : `note: ${assumption}\n`;
  return `${route === 'replica' ? 'a replica' : 'the primary'}: ${reason}${name}\nrule: ${rule}\nlane: ${lane.may}, ${lane.because}\n${rest}`;
}
