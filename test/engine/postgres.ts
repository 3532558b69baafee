import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import type { ConnectionFacts } from '../support/stage.ts';
import { type Adapter, type Client, type How, type Meaning, Refusal, type Rows } from './adapter.ts';

/** No request of a test waits longer for its answer, in ms. */
const ANSWER_WITHIN = 30_000;
/** Code of a CancelRequest (PG 55.7). */
const CANCEL = 80_877_102;

/** SQLSTATEs (PG Appendix A). */
const MEANINGS: readonly (readonly [RegExp, Meaning])[] = [
  [/^28P01$/, 'wrong-login'],
  [/^3D000$/, 'no-database'],
  [/^53300$/, 'too-many'],
  [/^57014$/, 'cancelled'],
  [/^23505$/, 'duplicate'],
  [/^42P01$/, 'no-table'],
  [/^25006$/, 'read-only'],
  [/^25P02$/, 'failed-transaction'],
  [/^57P03$/, 'no-primary'],
  [/^(08006|08007|57P01|ECONNRESET|EPIPE)$/, 'lost'],
];

function refusal(thrown: unknown): Refusal {
  const { code = '', message } = thrown as { code?: string; message: string };
  const [, known] = MEANINGS.find(([pattern]) => pattern.test(code)) ?? [];
  const meaning = known ?? (/^Connection terminated/.test(message) ? 'lost' : 'other');
  return new Refusal(meaning, code, message);
}

/** What the driver keeps of its connection. */
interface Inside {
  readonly processID: number;
  readonly secretKey: number;
  readonly connection: { readonly stream: { destroy(): void } };
}

class PgClient implements Client {
  readonly #facts: ConnectionFacts;
  readonly #client: pg.Client;
  readonly #names = new Map<string, string>();
  #ended: Promise<void> | undefined;

  constructor(facts: ConnectionFacts, how: How) {
    this.#facts = facts;
    const ssl = how.ca === undefined ? {} : { ssl: { ca: how.ca } };
    this.#client = new pg.Client({ ...facts, ...ssl, query_timeout: ANSWER_WITHIN });
    // What happens outside a query is reported by the next one.
    this.#client.on('error', () => undefined);
  }

  async connect(): Promise<void> {
    try {
      await this.#client.connect();
    } catch (error) {
      throw refusal(error);
    }
  }

  query(text: string): Promise<Rows> {
    return this.#ask({ text });
  }

  prepared(text: string, ...values: (string | number)[]): Promise<Rows> {
    let count = 0;
    const numbered = text.replaceAll('?', () => `$${++count}`);
    // Sessions number their statements alike: one's name must never run another's text.
    const name = this.#names.get(text) ?? `s${this.#names.size}`;
    this.#names.set(text, name);
    return this.#ask({ name, text: numbered, values });
  }

  async #ask(query: { text: string; name?: string; values?: unknown[] }): Promise<Rows> {
    const types = { getTypeParser: () => (value: string) => value };
    try {
      const asked = { ...query, rowMode: 'array' as const, types: types as pg.CustomTypesConfig };
      const { rows } = await this.#client.query<(string | null)[]>(asked);
      return rows;
    } catch (error) {
      throw refusal(error);
    }
  }

  get number(): number {
    return (this.#client as unknown as Inside).processID;
  }

  cancel(): Promise<void> {
    const { processID, secretKey } = this.#client as unknown as Inside;
    const packet = Buffer.alloc(16);
    for (const [at, value] of [16, CANCEL, processID, secretKey].entries())
      packet.writeInt32BE(value, at * 4);
    const { host, port } = this.#facts;
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port }, () => socket.write(packet));
      socket.on('error', reject);
      socket.on('close', () => resolve());
      socket.resume();
    });
  }

  vanish(): void {
    (this.#client as unknown as Inside).connection.stream.destroy();
  }

  end(): Promise<void> {
    this.#ended ??= this.#client.end().catch(() => undefined);
    return this.#ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Where a mark begins in the text of a question about it, so that the question never finds itself. */
const split = (mark: string): string =>
  `'%' || ${quoted(mark.slice(0, 1))} || ${quoted(mark.slice(1))} || '%'`;

export const postgres: Adapter = {
  engine: 'postgres',
  skip: false,
  phrases: {
    port: 'SHOW port',
    zone: 'SHOW TimeZone',
    zones: ['Asia/Tokyo', 'America/Lima'],
    setZone: (zone) => `SET TimeZone TO '${zone}'`,
    slow: (seconds, mark) => `SELECT pg_sleep(${seconds}), '${mark}'`,
  },
  inspections: {
    running: (mark) =>
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE state = 'active' AND query LIKE ${split(mark)}`,
    links: (user) => `SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = ${quoted(user)}`,
    transactions: (user) =>
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = ${quoted(user)} AND state LIKE '%transaction%'`,
    receives: "SELECT count(*)::int AS n FROM pg_stat_wal_receiver WHERE status = 'streaming'",
    pauseReplay: 'SELECT pg_wal_replay_pause()',
    resumeReplay: 'SELECT pg_wal_replay_resume()',
  },
  stage: ({ synchronous = false, proxy = {}, record = true }) => ({
    engine: 'postgres',
    cluster: {
      settings: record ? { log_statement: 'all' } : {},
      synchronous,
    },
    proxy,
  }),
  open: async (facts, how = {}) => {
    const client = new PgClient(facts, how);
    await client.connect();
    return client;
  },
  // The cluster was started with log_statement.
  record: () => Promise.resolve(),
  ran: async (stage, node, mark) => {
    const log = await readFile(join(stage.cluster.folder, `${node}.log`), 'utf8');
    return log
      .split('\n')
      .filter((line) => /LOG: {2}(statement|execute .*?): /.test(line) && line.includes(mark)).length;
  },
};
