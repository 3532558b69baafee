import type { Connection } from 'mysql2/promise';
import type { Login } from './credentials.ts';
import { rowsOf } from './mysql-ask.ts';
import type { Flavour } from './mysql-programs.ts';
import { HOST } from './ports.ts';
import { quoted } from './settings.ts';

/** Whom a replica follows, and with which account. */
export interface Source extends Login {
  readonly port: number;
}

/** How a node's replication stands. */
export interface Following {
  readonly streams: boolean;
  /** Why it does not and will not by itself; '' if there is no such reason. */
  readonly failure: string;
}

/** The words in which the flavours differ. */
interface Dialect {
  follow(source: Source): readonly string[];
  readonly lead: readonly string[];
  readonly leadSynchronously: string;
  readonly synchronousReplicas: string;
}

const DIALECTS: Readonly<Record<Flavour, Dialect>> = {
  mysql: {
    follow: ({ port, user, password }) => [
      'STOP REPLICA',
      `CHANGE REPLICATION SOURCE TO SOURCE_HOST = ${quoted(HOST)}, SOURCE_PORT = ${port},
        SOURCE_USER = ${quoted(user)}, SOURCE_PASSWORD = ${quoted(password)}, SOURCE_AUTO_POSITION = 1,
        GET_SOURCE_PUBLIC_KEY = 1, SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 0, SOURCE_HEARTBEAT_PERIOD = 1`,
      'START REPLICA',
    ],
    lead: ['STOP REPLICA', 'RESET REPLICA ALL', 'SET GLOBAL super_read_only = OFF, read_only = OFF'],
    leadSynchronously: 'SET GLOBAL rpl_semi_sync_source_enabled = ON',
    synchronousReplicas: "SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_source_clients'",
  },
  mariadb: {
    follow: ({ port, user, password }) => [
      'STOP SLAVE',
      // Also what it wrote itself as a primary: it asks for what comes after that.
      'SET GLOBAL gtid_slave_pos = @@gtid_current_pos',
      `CHANGE MASTER TO MASTER_HOST = ${quoted(HOST)}, MASTER_PORT = ${port}, MASTER_USER = ${quoted(user)},
        MASTER_PASSWORD = ${quoted(password)}, MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1,
        MASTER_HEARTBEAT_PERIOD = 1`,
      'START SLAVE',
    ],
    lead: ['STOP SLAVE', 'RESET SLAVE ALL', 'SET GLOBAL read_only = OFF'],
    leadSynchronously: 'SET GLOBAL rpl_semi_sync_master_enabled = ON',
    synchronousReplicas: "SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_master_clients'",
  },
};

/** Makes a node a replica of `source`, by GTIDs. */
export async function follow(connection: Connection, flavour: Flavour, source: Source): Promise<void> {
  for (const statement of DIALECTS[flavour].follow(source)) await connection.query(statement);
}

/** Makes a node the primary: it follows nobody and takes writes. */
export async function lead(connection: Connection, flavour: Flavour, synchronous: boolean): Promise<void> {
  const { lead: statements, leadSynchronously } = DIALECTS[flavour];
  // Before it takes writes: none may be acknowledged alone.
  if (synchronous) await connection.query(leadSynchronously);
  for (const statement of statements) await connection.query(statement);
}

/** How many replicas a primary's commits may be acknowledged by. */
export async function synchronousReplicas(connection: Connection, flavour: Flavour): Promise<number> {
  const [row] = await rowsOf(connection, DIALECTS[flavour].synchronousReplicas);
  return Number(row?.['Value'] ?? 0);
}

/** How a replica stands to the source at `port`. Both flavours know the statement; MariaDB has older column names. */
export async function followingOf(connection: Connection, port: number): Promise<Following> {
  const [row] = await rowsOf(connection, 'SHOW REPLICA STATUS');
  if (row === undefined) return { streams: false, failure: 'it follows nobody' };
  const of = (name: string, older: string): string => String(row[name] ?? row[older] ?? '');
  const receives = of('Replica_IO_Running', 'Slave_IO_Running');
  const applies = of('Replica_SQL_Running', 'Slave_SQL_Running');
  const from = Number(of('Source_Port', 'Master_Port'));
  const streams = receives === 'Yes' && applies === 'Yes' && from === port;
  const stopped = receives === 'No' || applies === 'No';
  const failure = stopped ? [row['Last_IO_Error'], row['Last_SQL_Error']].filter(Boolean).join('; ') : '';
  return { streams, failure };
}

/** Whether a node writes nothing of itself, and so is a replica or fenced. */
export async function isReadOnly(connection: Connection): Promise<boolean> {
  const [row] = await rowsOf(connection, 'SELECT @@global.read_only AS readOnly');
  return !['0', 'OFF'].includes(String(row?.['readOnly']));
}

/** The GTIDs of all that a node has executed, as text. */
export async function executedBy(connection: Connection, flavour: Flavour): Promise<string> {
  const variable = flavour === 'mysql' ? '@@global.gtid_executed' : '@@global.gtid_current_pos';
  const [row] = await rowsOf(connection, `SELECT ${variable} AS executed`);
  return String(row?.['executed'] ?? '').replaceAll('\n', '');
}

/**
 * Whether a node has executed all that is in `executed`. MariaDB: each `domain-server-sequence` must not be
 * beyond the last one of that server in that domain.
 */
export async function hasExecuted(
  connection: Connection,
  flavour: Flavour,
  executed: string,
): Promise<boolean> {
  if (flavour === 'mysql') {
    const sql = 'SELECT GTID_SUBSET(?, @@global.gtid_executed) AS has';
    return Number((await rowsOf(connection, sql, [executed]))[0]?.['has']) === 1;
  }
  const sql = "SELECT CONCAT(@@global.gtid_binlog_state, ',', @@global.gtid_current_pos) AS has";
  return covers(String((await rowsOf(connection, sql))[0]?.['has'] ?? ''), executed);
}

/** Of MariaDB's GTIDs: whether those of `has` reach as far as those of `executed`, server by server. */
export function covers(has: string, executed: string): boolean {
  const reached = gtidsIn(has);
  return gtidsIn(executed).every(({ origin, sequence }) =>
    reached.some((own) => own.origin === origin && own.sequence >= sequence),
  );
}

/** MariaDB's `0-1-5,0-2-7`: the origin is the domain with the server. */
function gtidsIn(list: string): { origin: string; sequence: bigint }[] {
  const gtids = list.split(',').filter((gtid) => gtid !== '');
  return gtids.map((gtid) => {
    const [domain, server, sequence = '0'] = gtid.split('-');
    return { origin: `${domain}-${server}`, sequence: BigInt(sequence) };
  });
}
