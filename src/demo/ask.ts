import pg from 'pg';
import type { Login } from './credentials.ts';
import { HOST } from './ports.ts';

export type Row = Record<string, unknown>;

/** A node to ask, and as whom. */
export interface Asked extends Login {
  readonly port: number;
  readonly database: string;
}

/** Runs `work` on a connection of its own, closed afterwards. Rejects with the driver's error. */
export async function connected<T>(asked: Asked, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const { port, user, password, database } = asked;
  const client = new pg.Client({
    host: HOST,
    port,
    user,
    password,
    database,
    connectionTimeoutMillis: 5_000,
  });
  // A connection that is lost while idle is noticed by the next query.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** One statement's rows. */
export async function ask(asked: Asked, sql: string, values: readonly unknown[] = []): Promise<Row[]> {
  return connected(asked, async (client) => {
    const { rows } = await client.query<Row>({ text: sql, values: [...values] });
    return rows;
  });
}
