import type { ProbeFailure } from '../core/node.ts';

/** The server's own word on it, where it had one: its number and message. */
export function refusalOf(error: unknown): { readonly code: string; readonly message: string } | undefined {
  if (!(error instanceof Error) || !('errno' in error) || !('sqlState' in error)) return undefined;
  const { errno } = error;
  if (typeof errno !== 'number' || errno < 1000) return undefined;
  return { code: String(errno), message: error.message };
}

/** The system's or the driver's word: `ECONNREFUSED`, `PROTOCOL_CONNECTION_LOST`. */
function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return '';
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === '' ? codeOf(error) || error.name : error.message;
}

const byWord: ReadonlyMap<string, ProbeFailure> = new Map([
  ['ECONNREFUSED', 'refused'],
  ['ECONNRESET', 'reset'],
  ['EPIPE', 'reset'],
  ['ECONNABORTED', 'reset'],
  ['PROTOCOL_CONNECTION_LOST', 'reset'],
  ['ETIMEDOUT', 'timeout'],
  ['EHOSTUNREACH', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['EHOSTDOWN', 'unreachable'],
  ['ENETDOWN', 'unreachable'],
  ['EADDRNOTAVAIL', 'unreachable'],
  ['ENOTFOUND', 'unreachable'],
  ['EAI_AGAIN', 'unreachable'],
  ['HANDSHAKE_NO_SSL_SUPPORT', 'denied'],
  ['HANDSHAKE_SSL_ERROR', 'denied'],
]);

/** By the server's error number. Source: MySQL and MariaDB manuals, "Server Error Message Reference". */
const byNumber: ReadonlyMap<number, ProbeFailure> = new Map([
  // A shutdown is in progress; the server does not take statements any more.
  [1053, 'starting'],
  // The connection was killed, forced to close, idle too long, or aborted.
  [1080, 'reset'],
  [1152, 'reset'],
  [1184, 'reset'],
  [1927, 'reset'],
  [4031, 'reset'],
  // The statement took longer than the bound that this session has set.
  [1317, 'timeout'],
  [1969, 'timeout'],
  [3024, 'timeout'],
  // Too many connections, of all or of this account.
  [1040, 'denied'],
  [1203, 'denied'],
  [1226, 'denied'],
  // Access: host, account, database, statement, password expired, account locked, offline mode.
  [1044, 'denied'],
  [1045, 'denied'],
  [1129, 'denied'],
  [1130, 'denied'],
  [1142, 'denied'],
  [1227, 'denied'],
  [1251, 'denied'],
  [1698, 'denied'],
  [1820, 'denied'],
  [1862, 'denied'],
  [3032, 'denied'],
  [3118, 'denied'],
  [4151, 'denied'],
]);

/**
 * What an error says about the server. One that answers at all is not lost: what it refuses for reasons of its
 * own (rights, too many connections) is `denied`.
 */
export function failureOf(error: unknown): ProbeFailure {
  const refusal = refusalOf(error);
  if (refusal !== undefined) return byNumber.get(Number(refusal.code)) ?? 'other';
  const word = byWord.get(codeOf(error));
  if (word !== undefined) return word;
  const message = messageOf(error);
  if (/closed state|Connection lost|connection is in closed/i.test(message)) return 'reset';
  if (/SSL|TLS|certificate|auth(entication)? plugin/i.test(`${message} ${codeOf(error)}`)) return 'denied';
  return 'other';
}
