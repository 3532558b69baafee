import { once } from 'node:events';
import type { Socket } from 'node:net';
import mysql from 'mysql2/promise';
import { need } from '../support/need.ts';
import type { ConnectionFacts } from '../support/stage.ts';
import { type Adapter, type Client, type How, type Meaning, Refusal, type Rows } from './adapter.ts';

/** No request of a test waits longer for its answer, in ms. */
const ANSWER_WITHIN = 30_000;
const CONNECTED_WITHIN = 15_000;
const CLOSED_WITHIN = 5_000;

/** Numbers of the server and codes of the driver ("Server Error Message Reference"). */
const MEANINGS: ReadonlyMap<string, Meaning> = new Map([
  ['1045', 'wrong-login'],
  // The server says so to an account that may not know whether there is such a database.
  ['1044', 'no-database'],
  ['1049', 'no-database'],
  ['1040', 'too-many'],
  ['1317', 'cancelled'],
  ['1062', 'duplicate'],
  ['1146', 'no-table'],
  ['1792', 'read-only'],
  ['1205', 'no-primary'],
  ['3168', 'no-primary'],
  ['4031', 'lost'],
  ['1053', 'lost'],
  ['PROTOCOL_CONNECTION_LOST', 'lost'],
  ['ECONNRESET', 'lost'],
  ['EPIPE', 'lost'],
]);

function refusal(thrown: unknown): Refusal {
  const { errno = 0, code = '', message } = thrown as { errno?: number; code?: string; message: string };
  const name = errno > 0 ? String(errno) : code;
  const closed = /closed state|Connection lost/.test(message) ? 'lost' : undefined;
  return new Refusal(MEANINGS.get(name) ?? closed ?? 'other', name, message);
}

/** What the driver keeps of its connection. */
interface Inside {
  readonly connection: { readonly stream: Socket };
}

const text = (value: unknown): string | null =>
  value === null || value === undefined ? null : Buffer.isBuffer(value) ? value.toString() : String(value);

class MysqlClient implements Client {
  readonly #facts: ConnectionFacts;
  readonly #connection: mysql.Connection;
  #ended: Promise<void> | undefined;

  constructor(facts: ConnectionFacts, connection: mysql.Connection) {
    this.#facts = facts;
    this.#connection = connection;
    // What happens outside a query is reported by the next one.
    connection.on('error', () => undefined);
  }

  static async open(facts: ConnectionFacts, how: How): Promise<MysqlClient> {
    const ssl = how.ca === undefined ? {} : { ssl: { ca: how.ca } };
    try {
      const options = { ...facts, ...ssl, rowsAsArray: true, dateStrings: true } as const;
      const multipleStatements = how.several === true;
      return new MysqlClient(
        facts,
        await mysql.createConnection({ ...options, multipleStatements, connectTimeout: CONNECTED_WITHIN }),
      );
    } catch (error) {
      throw refusal(error);
    }
  }

  query(sql: string): Promise<Rows> {
    return this.#ask(() => this.#connection.query({ sql, timeout: ANSWER_WITHIN }));
  }

  prepared(sql: string, ...values: (string | number)[]): Promise<Rows> {
    return this.#ask(() => this.#connection.execute({ sql, timeout: ANSWER_WITHIN }, values));
  }

  async #ask(send: () => Promise<[unknown, unknown]>): Promise<Rows> {
    try {
      const [rows] = await send();
      return Array.isArray(rows) ? rows.map((row: unknown[]) => row.map(text)) : [];
    } catch (error) {
      throw refusal(error);
    }
  }

  get number(): number {
    return this.#connection.threadId;
  }

  async cancel(): Promise<void> {
    await using other = await MysqlClient.open(this.#facts, {});
    await other.query(`KILL QUERY ${this.#connection.threadId}`);
  }

  vanish(): void {
    (this.#connection as unknown as Inside).connection.stream.destroy();
  }

  end(): Promise<void> {
    this.#ended ??= this.#goodbye();
    return this.#ended;
  }

  async #goodbye(): Promise<void> {
    const { stream } = (this.#connection as unknown as Inside).connection;
    if (stream.closed) return;
    // Who says goodbye first waits for the other side: then its place is free.
    const closed = once(stream, 'close', { signal: AbortSignal.timeout(CLOSED_WITHIN) });
    if (!stream.destroyed) await this.#connection.end().catch(() => undefined);
    await closed.catch(() => undefined);
    stream.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }
}

const quoted = (value: string): string => `'${value.replaceAll("'", "''")}'`;

/** What differs between the two servers. */
interface Flavour {
  readonly engine: 'mysql' | 'mariadb';
  readonly server: 'mysqld' | 'mariadbd';
  readonly replica: 'REPLICA' | 'SLAVE';
  readonly receives: string;
}

function adapterOf({ engine, server, replica, receives }: Flavour): Adapter {
  return {
    engine,
    skip: need(server),
    phrases: {
      port: 'SELECT @@port',
      zone: 'SELECT @@session.time_zone',
      zones: ['+09:00', '-05:00'],
      setZone: (zone) => `SET time_zone = '${zone}'`,
      // As the condition of a row: a SLEEP that is all the statement does gives 1 when it is cancelled.
      slow: (seconds, mark) => `SELECT id, '${mark}' FROM thing WHERE SLEEP(${seconds})`,
    },
    inspections: {
      running: (mark) =>
        `SELECT COUNT(*) AS n FROM information_schema.processlist
         WHERE id <> CONNECTION_ID() AND command IN ('Query', 'Execute') AND info LIKE ${quoted(`%${mark}%`)}`,
      links: (user) =>
        `SELECT COUNT(*) AS n FROM information_schema.processlist WHERE user = ${quoted(user)}`,
      transactions: (user) =>
        `SELECT COUNT(*) AS n FROM information_schema.innodb_trx t
         JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE p.user = ${quoted(user)}`,
      receives,
      pauseReplay: `STOP ${replica} SQL_THREAD`,
      resumeReplay: `START ${replica} SQL_THREAD`,
    },
    stage: ({ synchronous = false, proxy = {} }) => ({ engine, cluster: { synchronous }, proxy }),
    open: (facts, how = {}) => MysqlClient.open(facts, how),
    record: async (stage) => {
      for (const { id } of stage.cluster.nodes) {
        await stage.cluster.query(id, "SET GLOBAL log_output = 'TABLE'");
        await stage.cluster.query(id, 'SET GLOBAL general_log = ON');
      }
    },
    ran: async (stage, node, mark) => {
      const { user } = stage.proxied;
      const rows = await stage.cluster.query(
        node,
        `SELECT COUNT(*) AS n FROM mysql.general_log WHERE command_type IN ('Query', 'Execute')
         AND user_host LIKE ${quoted(`${user}[%`)} AND CONVERT(argument USING utf8mb4) LIKE ${quoted(`%${mark}%`)}`,
      );
      return Number(rows[0]?.['n']);
    },
  };
}

export const mysqlServer = adapterOf({
  engine: 'mysql',
  server: 'mysqld',
  replica: 'REPLICA',
  receives:
    "SELECT COUNT(*) AS n FROM performance_schema.replication_connection_status WHERE service_state = 'ON'",
});

export const mariadbServer = adapterOf({
  engine: 'mariadb',
  server: 'mariadbd',
  replica: 'SLAVE',
  receives:
    "SELECT COUNT(*) AS n FROM information_schema.global_status WHERE variable_name = 'Slave_running' AND variable_value = 'ON'",
});
