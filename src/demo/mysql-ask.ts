import mysql, { type Connection, type QueryResult } from 'mysql2/promise';
import type { Row } from './ask.ts';
import type { Login } from './credentials.ts';
import { HOST } from './ports.ts';

/** A node to ask, and as whom. */
export interface AskedMysql extends Login {
  readonly port: number;
  readonly database?: string;
}

const CONNECT_WITHIN = 5_000;

/** Runs `work` on a connection of its own, closed afterwards. Rejects with the driver's error. */
export async function connectedMysql<T>(
  asked: AskedMysql,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const { port, user, password, database } = asked;
  const connection = await mysql.createConnection({
    host: HOST,
    port,
    user,
    password,
    ...(database === undefined ? {} : { database }),
    connectTimeout: CONNECT_WITHIN,
    supportBigNumbers: true,
    multipleStatements: false,
  });
  // A connection that is lost while idle is noticed by the next query.
  connection.on('error', () => undefined);
  try {
    return await work(connection);
  } finally {
    connection.destroy();
  }
}

/** One statement's rows, none where it gives none. */
export async function askMysql(
  asked: AskedMysql,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  return connectedMysql(asked, (connection) => rowsOf(connection, sql, values));
}

export async function rowsOf(
  connection: Connection,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const [result] = await connection.query<QueryResult>(sql, [...values]);
  return Array.isArray(result) ? (result as Row[]) : [];
}
