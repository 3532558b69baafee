import type { RunningProxy } from '../../src/app.ts';
import type { EngineName } from '../../src/demo/cluster.ts';
import { becomes } from './becomes.ts';
import { LaneWatch } from './lane-watch.ts';
import { query } from './mysql-commands.ts';
import { MysqlWire } from './mysql-recorder.ts';
import { type ConnectionFacts, Stage } from './stage.ts';

/** A statement is known to be short when it has gone by a lane so often in a row; within so many runs. */
const WARM = 10;
const WARMED_WITHIN = 1_000;
/** COM_QUERY, by which `MysqlWire.answer` knows what it reads. */
const COM_QUERY = 3;

/** Functions that the configuration declares free of effects, rightly or not. */
const FUNCTIONS = {
  // Shows a setting that servers report; another name changes it.
  shifts: `CREATE FUNCTION shifts(name VARCHAR(20)) RETURNS VARCHAR(20) READS SQL DATA
    BEGIN IF name <> '' THEN SET SESSION time_zone = name; END IF; RETURN name; END`,
} as const;

/** A MySQL or MariaDB server with the proxy before it in this process, and eyes on its lanes. */
export class MysqlLaned extends LaneWatch implements AsyncDisposable {
  readonly stage: Stage;

  private constructor(stage: Stage) {
    super();
    this.stage = stage;
  }

  /** Starts it with table `kv` (k from 1 to 1000, v = 'v' || k), and table `gate`, which holds one row: 1. */
  static async start(engine: Exclude<EngineName, 'postgres'>, size: number): Promise<MysqlLaned> {
    const stage = await Stage.start({
      engine,
      cluster: { replicas: 0, settings: { 'log-bin-trust-function-creators': 'ON' } },
      proxy: {
        pool: { mode: 'transaction', size, waitTimeout: '30s' },
        routing: { functions: { allow: Object.keys(FUNCTIONS) } },
        failover: { mode: 'observe' },
      },
    });
    const laned = new MysqlLaned(stage);
    try {
      await laned.prepare(
        ...Object.values(FUNCTIONS),
        'CREATE TABLE kv (k INT PRIMARY KEY, v VARCHAR(20))',
        'CREATE TABLE gate (n INT PRIMARY KEY)',
        'INSERT INTO gate VALUES (1)',
        'CREATE TABLE busy (n INT PRIMARY KEY)',
        `INSERT INTO kv SELECT a.n + b.n * 10 + c.n * 100 + 1, '' FROM ${DIGITS('a')}, ${DIGITS('b')}, ${DIGITS('c')}`,
        "UPDATE kv SET v = CONCAT('v', k)",
        "GRANT EXECUTE, PROCESS ON *.* TO demo@'%'",
      );
      return laned;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  get proxy(): RunningProxy {
    return this.stage.proxy;
  }

  /** As the application, past the proxy. */
  get direct(): ConnectionFacts {
    return this.stage.direct(this.#primary);
  }

  get #primary(): string {
    return this.stage.cluster.nodes[0]?.id ?? '';
  }

  enter(count: number): Promise<MysqlWire[]> {
    return Promise.all(Array.from({ length: count }, () => MysqlWire.open(this.stage.proxied)));
  }

  /** Statements as the superuser, one after another. */
  async prepare(...statements: readonly string[]): Promise<void> {
    for (const statement of statements) await this.ask(statement);
  }

  ask(statement: string): Promise<Record<string, unknown>[]> {
    return this.stage.cluster.query(this.#primary, statement);
  }

  /** Numbers of the application's connections to the server. */
  async threads(where = 'TRUE'): Promise<number[]> {
    const text = `SELECT ID AS id FROM information_schema.processlist WHERE USER = 'demo' AND ${where}`;
    return (await this.ask(text)).map(({ id }) => Number(id));
  }

  /** Sends statements that go by a lane; resolves when they are on it. */
  board(client: MysqlWire, ...texts: readonly string[]): Promise<void> {
    return this.boarded(texts, () => send(client, ...texts));
  }

  /** Opens so many server connections, by as many transactions at the same time. */
  async opens(count: number): Promise<void> {
    await using _busy = await this.occupies(count);
  }

  /** Keeps so many server connections until it is disposed of. */
  async occupies(count: number): Promise<AsyncDisposable> {
    const clients = await this.enter(count);
    await Promise.all(clients.map((client) => client.texts('BEGIN', 'UPDATE busy SET n = n LIMIT 0')));
    return {
      [Symbol.asyncDispose]: async () => {
        await Promise.all(clients.map((client) => client.texts('COMMIT')));
        await closeAll(clients);
      },
    };
  }

  /** Runs statements alone until each of their forms goes by a lane. Rejects if one never does. */
  async warm(...texts: readonly string[]): Promise<void> {
    const [client] = await this.enter(1);
    if (client === undefined) return;
    for (const text of texts) {
      let warm = 0;
      for (let count = 0; count < WARMED_WITHIN && warm < WARM; count++) {
        const { units } = await this.during(() => client.rows(text));
        warm = units > 0 ? warm + 1 : 0;
      }
      if (warm < WARM) throw new Error(`${text} never went by a lane for long`);
    }
    await client.close();
  }

  /** Shuts a table: whoever reads it waits until the bolt is opened. */
  async bolt(table: string): Promise<Bolt> {
    const holder = await MysqlWire.open(this.direct);
    await holder.rows(`LOCK TABLES ${table} WRITE`);
    return new Bolt(holder);
  }

  /** Resolves when so many of the application's connections wait for a table, on the server. */
  waitAt(count: number): Promise<void> {
    return becomes(
      `${count} wait for a table`,
      async () => (await this.threads("STATE LIKE '%metadata lock%'")).length === count,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stage.close();
  }
}

/** Keeps a table shut until it is opened. */
class Bolt implements AsyncDisposable {
  readonly #holder: MysqlWire;

  constructor(holder: MysqlWire) {
    this.#holder = holder;
  }

  open(): Promise<void> {
    return this.#holder.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.open();
  }
}

const DIGITS = (name: string): string =>
  `(${Array.from({ length: 10 }, (_, n) => `SELECT ${n} AS n`).join(' UNION ALL ')}) ${name}`;

/** Statements in one packet of the network; answers are awaited by the caller. */
export function send(client: MysqlWire, ...texts: readonly string[]): void {
  client.send(Buffer.concat(texts.map(query)));
}

/** The next answer of a client: its first values, or `!` and the code of its error. */
export async function answer(client: MysqlWire): Promise<string> {
  const from = client.heard.length;
  await client.answer(COM_QUERY);
  const error = client.heard.slice(from).find((words) => / ERR /.test(words));
  client.heard.length = from;
  if (error !== undefined) return `!${/ ERR (\d+)/.exec(error)?.[1] ?? error}`;
  return client.lastRows.map(([value]) => String(value)).join(' ');
}

export async function closeAll(clients: readonly MysqlWire[]): Promise<void> {
  await Promise.all(clients.map((client) => client.close()));
}
