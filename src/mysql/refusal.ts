import type { Aside } from '../core/wire.ts';
import { parseErr } from './errors.ts';
import type { ErrFacts } from './messages.ts';

/**
 * The connection ends with it, by an administrator's word or a time limit: 1053 shutdown, 1077 normal shutdown, 1080
 * forced close, 1159 and 1161 time to read or write, 1927 and 3169 killed, 4031 idle ("Server Error Message
 * Reference"; MariaDB, "Error Codes").
 */
const ORDERLY: ReadonlySet<number> = new Set([1053, 1077, 1080, 1159, 1161, 1927, 3169, 4031]);
/** Of those the ones that are given as the answer to a command. */
const FATAL: ReadonlySet<number> = new Set([1053, 1927, 3169, 4031]);

/** An ERR packet and what it means for the link. */
export interface Refusal extends ErrFacts {
  /** The server closes the connection next. */
  readonly fatal: boolean;
  /** The server takes no writes: it is no primary, whatever it was thought to be. */
  readonly readOnly: boolean;
}

/** Reads the payload of an ERR packet. */
export function refusalOf(payload: Buffer): Refusal {
  const facts = parseErr(payload);
  const { code, message } = facts;
  // 1290 names the option that is in the way: --read-only and --super-read-only among many.
  const readOnly = code === 1836 || code === 3100 || (code === 1290 && /read[-_]only/.test(message));
  return { ...facts, fatal: FATAL.has(code), readOnly };
}

/** What a link is told when the server ends the connection. */
export function terminating({ code, message }: ErrFacts): Aside {
  return { kind: 'terminating', code: String(code), message, orderly: ORDERLY.has(code) };
}

/** What each server tells a client that does not take part in LOAD DATA LOCAL. */
export function noLocalFiles(mariadb: boolean): ErrFacts {
  return mariadb
    ? { code: 4166, state: 'HY000', message: MARIADB_REFUSES }
    : { code: 3948, state: '42000', message: MYSQL_REFUSES };
}

const MYSQL_REFUSES =
  'Loading local data is disabled; this must be enabled on both the client and server sides';
const MARIADB_REFUSES =
  'The used command is not allowed because the MariaDB server or client has disabled the local infile capability';
