import type { ProbeFailure } from '../core/node.ts';

/** An error's code: SQLSTATE where the server spoke, the system's (`ECONNREFUSED`) where the network did. */
function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return '';
}

const SQLSTATE = /^[0-9A-Z]{5}$/;

/** The server's own word on it, where it had one. */
export function refusalOf(error: unknown): { code: string; message: string } | undefined {
  const code = codeOf(error);
  if (!SQLSTATE.test(code) || !(error instanceof Error) || !('severity' in error)) return undefined;
  return { code, message: error.message };
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === '' ? codeOf(error) || error.name : error.message;
}

const bySystemCode: ReadonlyMap<string, ProbeFailure> = new Map([
  ['ECONNREFUSED', 'refused'],
  ['ECONNRESET', 'reset'],
  ['EPIPE', 'reset'],
  ['ECONNABORTED', 'reset'],
  ['ETIMEDOUT', 'timeout'],
  ['EHOSTUNREACH', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['EHOSTDOWN', 'unreachable'],
  ['ENETDOWN', 'unreachable'],
  ['EADDRNOTAVAIL', 'unreachable'],
  ['ENOTFOUND', 'unreachable'],
  ['EAI_AGAIN', 'unreachable'],
]);

/**
 * What an error says about the server. A server that answers at all is not lost: what it refuses for reasons of
 * its own (rights, too many connections) is `denied`. Source: PostgreSQL manual, appendix A.
 */
export function failureOf(error: unknown): ProbeFailure {
  const refusal = refusalOf(error);
  if (refusal !== undefined) return failureOfState(refusal.code, refusal.message);
  const bySystem = bySystemCode.get(codeOf(error));
  if (bySystem !== undefined) return bySystem;
  const message = messageOf(error);
  if (/^Connection terminated|is not queryable$/.test(message)) return 'reset';
  if (/SSL|TLS|SASL|SCRAM|certificate|password/i.test(`${message} ${codeOf(error)}`)) return 'denied';
  return 'other';
}

function failureOfState(code: string, message: string): ProbeFailure {
  switch (code) {
    // Starting up, shutting down, not yet consistent, or recovering from a crash: only the text tells which.
    case '57P03':
      return /recovery mode/.test(message) ? 'recovering' : 'starting';
    case '57P02':
      return 'recovering';
    case '57P01':
    case '57P05':
      return 'reset';
    // The server ended the question at its statement_timeout, which is ours.
    case '57014':
      return 'timeout';
    case '57P04':
    case '3D000':
    case '42501':
    case '42883':
      return 'denied';
    default:
  }
  switch (code.slice(0, 2)) {
    case '28':
    case '53':
    case '0A':
      return 'denied';
    case '08':
      return 'reset';
    default:
      return 'other';
  }
}
