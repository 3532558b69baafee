import { parseArgs } from 'node:util';
import { ProxyError } from '../core/errors.ts';
import type { EngineName } from './cluster.ts';

/** What `pointsman demo` was asked for. */
export interface DemoOptions {
  readonly engine: EngineName;
  readonly port: number;
  readonly adminPort: number;
  /** The first node's port; undefined: the first free run of ports. */
  readonly nodePorts: number | undefined;
  /** Folder whose data outlives the demo. */
  readonly keep: string | undefined;
  /** A server that dies is started again, as a service manager would. */
  readonly restart: boolean;
  readonly sync: boolean;
  readonly logLevel: 'silent' | 'debug' | 'info' | 'warn' | 'error';
}

export const DEMO_HELP = `usage: pointsman demo [options]

Lays a real cluster on this machine, one primary and two replicas that stream from it, and starts the proxy
before it. Ctrl-C ends everything.

  --engine NAME       postgres (the default; its programs come with npm), or mysql or mariadb as installed here
  --port PORT         where clients connect (6432; MySQL and MariaDB: 6033)
  --admin-port PORT   metrics, health and the state of the nodes over HTTP (9632)
  --node-ports PORT   port of the first node, the next ones follow (15432, MySQL and MariaDB 13306, or the first
                      free ones after it)
  --sync              commits wait for one replica: no acknowledged write is lost with the primary
  --no-restart        a server that dies stays dead (else it is started again after 3 s)
  --keep DIR          keep the data in DIR; a later start with the same DIR goes on with it
  --log-level LEVEL   also print the proxy's log: error, warn, info or debug
  --help              this text
`;

const OPTIONS = {
  port: { type: 'string' },
  'admin-port': { type: 'string', default: '9632' },
  'node-ports': { type: 'string' },
  keep: { type: 'string' },
  'no-restart': { type: 'boolean', default: false },
  sync: { type: 'boolean', default: false },
  'log-level': { type: 'string', default: 'silent' },
  engine: { type: 'string', default: 'postgres' },
  help: { type: 'boolean', default: false },
} as const;

const ENGINES = ['postgres', 'mysql', 'mariadb'] as const;
const PORTS: Readonly<Record<EngineName, string>> = { postgres: '6432', mysql: '6033', mariadb: '6033' };
const LEVELS = ['silent', 'debug', 'info', 'warn', 'error'] as const;

/** Reads the arguments after `demo`; 'help' if that is all that was asked. Throws ProxyError('CONFIG'). */
export function demoOptions(args: readonly string[]): DemoOptions | 'help' {
  const values = parsed(args);
  if (values.help) return 'help';
  const engine = ENGINES.find((name) => name === values.engine);
  if (engine === undefined)
    throw refusal(`the demo has no engine ${values.engine}: --engine takes ${ENGINES.join(', ')}`);
  const logLevel = LEVELS.find((level) => level === values['log-level']);
  if (logLevel === undefined) throw refusal(`--log-level takes ${LEVELS.join(', ')}`);
  const nodePorts = values['node-ports'];
  return {
    engine,
    port: portOf('--port', values.port ?? PORTS[engine]),
    adminPort: portOf('--admin-port', values['admin-port']),
    nodePorts: nodePorts === undefined ? undefined : portOf('--node-ports', nodePorts),
    keep: values.keep,
    restart: !values['no-restart'],
    sync: values.sync,
    logLevel,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (error) {
    throw refusal(error instanceof Error ? error.message : String(error));
  }
}

function portOf(option: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw refusal(`${option} takes a port from 1 to 65535, not ${text}`);
}

function refusal(what: string): ProxyError {
  return new ProxyError('CONFIG', {
    side: 'proxy',
    retry: 'no',
    tell: `${what}\nThe options are listed by: pointsman demo --help`,
  });
}
