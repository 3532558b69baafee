import { z } from 'zod';
import { engineWords } from './engines.ts';
import { durationMs, sizeBytes } from './units.ts';

/** setTimeout takes no more. */
const LONGEST_MS = 2_147_483_647;

type Words = { error: (issue: { readonly input?: unknown }) => string };

/** Says what a value must be, or that it is missing; never the value: it may have come from a secret. */
const must = (be: string): Words => ({
  error: (issue) => (issue.input === undefined ? `is missing; it must be ${be}` : `must be ${be}`),
});

const text = z.string(must('a text')).min(1, 'must not be empty');

/** Text that a reference or quotes made of a number or a truth value is taken as such. */
const number = (from: number, to: number, words: Words = must(`a whole number from ${from} to ${to}`)) =>
  z.preprocess(
    (value) => (typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value),
    z.number(words).int(words).min(from, words).max(to, words),
  );

const flag = z.preprocess(
  (value) => (value === 'true' ? true : value === 'false' ? false : value),
  z.boolean(must('true or false')),
);

const duration = (fromMs: number) =>
  z.string(must('a duration such as 500ms, 10s, 5m or 1h')).transform((value, context) => {
    const ms = durationMs(value);
    if (ms !== undefined && ms >= fromMs && ms <= LONGEST_MS) return ms;
    const message =
      ms === undefined
        ? 'must be a duration such as 500ms, 10s, 5m or 1h'
        : `must be between ${fromMs}ms and 596h`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

const size = (fromBytes: number) =>
  z.string(must('a size such as 64kB, 16MiB or 1GiB')).transform((value, context) => {
    const bytes = sizeBytes(value);
    if (bytes !== undefined && bytes >= fromBytes && bytes <= Number.MAX_SAFE_INTEGER) return bytes;
    const message =
      bytes === undefined ? 'must be a size such as 64kB, 16MiB or 1GiB' : `must be ${fromBytes}B or more`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

const lag = z.string(must('none or a size such as 16MiB')).transform((value, context) => {
  if (value === 'none') return undefined;
  const bytes = sizeBytes(value);
  if (bytes !== undefined) return bytes;
  context.addIssue({ code: 'custom', message: 'must be none or a size such as 16MiB' });
  return z.NEVER;
});

const oneOf = <const Values extends readonly [string, ...string[]]>(values: Values) =>
  z.enum(values, must(`one of ${values.join(', ')}`));

const someWorkers = must('auto or a whole number from 1 to 256');
const workers = z
  .union([z.literal('auto', someWorkers), number(1, 256, someWorkers)], someWorkers)
  .prefault(1)
  .describe('Processes that serve clients. 1: this process alone. auto: as many as there are cores.');

/** A group of keys, all of which have defaults: it may be left out or left empty. */
const group = <Shape extends z.core.$ZodLooseShape>(shape: Shape) =>
  z.preprocess((value) => value ?? {}, z.strictObject(shape, must('a group of keys'))).prefault({});

const host = text.describe('Name or address.');
const port = number(1, 65_535);
const listenPort = number(0, 65_535).describe('0: any free port; the log says which.');

const tls = z
  .strictObject(
    {
      cert: text.describe('File with the certificate chain, PEM.'),
      key: text.describe('File with its private key, PEM.'),
      require: flag.prefault(false).describe('Refuse clients that do not ask for TLS.'),
    },
    must('a group of keys'),
  )
  .optional();

const listen = z.strictObject(
  {
    host: host.prefault('127.0.0.1'),
    port: listenPort,
    maxClients: number(1, 1_000_000).prefault(10_000).describe('Clients at one time.'),
    startupTimeout: duration(1).prefault('10s').describe('A client must be authenticated within this.'),
    tls: tls.describe('TLS for clients. Left out: not offered.'),
  },
  must('a group of keys with at least a port'),
);

const node = z.strictObject(
  {
    name: text.describe('How this server is called in logs, metrics and commands.'),
    host,
    port,
    weight: number(0, 1000).prefault(1).describe('Share of reads among the replicas; 0 takes none.'),
    priority: number(0, 1000)
      .prefault(0)
      .describe('Breaks ties between equally advanced candidates; the greater wins.'),
  },
  must('a group of keys: name, host, port'),
);

const user = z.strictObject(
  {
    name: text,
    password: text.optional(),
    pooling: oneOf(['transaction', 'session']).optional().describe('Overrides pool.mode for this user.'),
    maxConnections: number(1, 100_000)
      .optional()
      .describe('Server connections per node for this user over all databases.'),
    lanes: flag.optional().describe('Overrides pool.lanes for this user.'),
  },
  must('a group of keys: name, password'),
);

const database = z.strictObject(
  {
    name: text,
    lanes: flag
      .prefault(true)
      .describe('false: no lanes in this database, whatever the pool or a user says.'),
  },
  must('a group of keys: name, lanes'),
);

const monitor = z.strictObject(
  {
    user: text,
    password: text.optional(),
    database: text.optional(),
    interval: duration(10)
      .prefault('500ms')
      .describe('From the start of one probe to the start of the next.'),
    timeout: duration(10).prefault('1500ms').describe('Bound of one probe, connecting included.'),
  },
  must('a group of keys with at least a user'),
);

const pool = group({
  mode: oneOf(['transaction', 'session']).prefault('transaction'),
  size: number(1, 100_000).prefault(20).describe('Server connections per node, user and database.'),
  waiters: number(0, 1_000_000).prefault(1000).describe('Units that may wait for a server connection.'),
  waitTimeout: duration(1).prefault('5s').describe('How long one may wait.'),
  maxAge: duration(1000).prefault('1h').describe('A server connection is renewed after this.'),
  idleTimeout: duration(100).prefault('1m').describe('One that nobody used for so long is closed.'),
  connectTimeout: duration(1).prefault('3s').describe('Bound of opening one, authentication included.'),
  lanes: flag
    .prefault(true)
    .describe('Plain short reads of several sessions share server connections at the same time.'),
});

const routing = group({
  reads: oneOf(['replicas', 'primary']).prefault('replicas').describe('Where proven plain reads go.'),
  noReplica: oneOf(['primary', 'error'])
    .prefault('primary')
    .describe('What becomes of a read when no replica may take it.'),
  functions: group({
    allow: z.array(text, must('a list of names')).prefault([]).describe('Known to have no effect.'),
    deny: z.array(text, must('a list of names')).prefault([]).describe('Always to the primary.'),
  }),
  scanLimit: size(1).prefault('1MiB').describe('Longer texts are not classified: they go to the primary.'),
  maxLag: lag.prefault('none').describe('A replica that is further behind takes no reads.'),
});

const hold = group({
  requests: number(0, 1_000_000).prefault(1000).describe('Requests that may wait for a primary.'),
  bytes: size(0).prefault('16MiB').describe('Bytes they may have together.'),
  timeout: duration(1).prefault('10s').describe('How long one may wait.'),
});

const failover = group({
  mode: oneOf(['observe', 'promote'])
    .prefault('observe')
    .describe('observe: somebody else promotes, the proxy follows. promote: the proxy decides.'),
  cooldown: duration(0).prefault('60s').describe('No second automatic failover within this.'),
  lossBound: size(0).prefault('16MiB').describe('A candidate may be so far behind the last seen primary.'),
  startWait: duration(0)
    .prefault('10s')
    .describe('How long a primary that says it is starting is waited for.'),
  journal: text.optional().describe('Folder of the decision journal. Left out: in memory only.'),
  replication: z
    .strictObject({ user: text, password: text.optional() }, must('a group of keys: user, password'))
    .optional()
    .describe('The account replicas stream with.'),
  rejoin: text
    .optional()
    .describe('Command that makes a superseded primary a replica again; {node}, {primary} are filled in.'),
});

const cluster = z.strictObject(
  {
    name: text,
    engine: oneOf(engineNames()),
    listen,
    nodes: z.array(node, must('a list of servers')).min(1, 'must name at least one server'),
    serverTls: group({
      mode: oneOf(['disable', 'prefer', 'require', 'verify-ca', 'verify-full']).prefault('prefer'),
      ca: text.optional().describe('File of trusted certificates, PEM. Left out: those that Node.js trusts.'),
      cert: text.optional().describe('File with a client certificate, PEM.'),
      key: text.optional().describe('File with its private key, PEM.'),
    }),
    auth: group({ method: text.optional().describe('How clients prove who they are.') }),
    users: z.array(user, must('a list of users')).min(1, 'must name at least one user'),
    databases: z
      .array(database, must('a list of databases'))
      .prefault([])
      .describe('Databases that are to be treated in their own way; all others need not be named.'),
    monitor,
    pool,
    routing,
    consistency: oneOf(['eventual', 'session', 'primary']).prefault('session'),
    hold,
    failover,
  },
  must('a group of keys'),
);

/** The shape of the file, after references were resolved. */
export const schema = z.strictObject(
  {
    admin: z
      .union(
        [
          z.literal(false),
          group({ listen: group({ host: host.prefault('127.0.0.1'), port: listenPort.prefault(9632) }) }),
        ],
        must('false or a group of keys'),
      )
      .prefault({}),
    log: group({
      level: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).prefault('info'),
    }),
    workers,
    clusters: z.array(cluster, must('a list of clusters')).min(1, 'must name at least one cluster'),
  },
  must('a group of keys: clusters, admin, log, workers'),
);

export type Parsed = z.output<typeof schema>;
export type ParsedCluster = Parsed['clusters'][number];

function engineNames(): [string, ...string[]] {
  const [first = '', ...others] = engineWords.keys();
  return [first, ...others];
}
