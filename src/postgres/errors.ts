import { type ErrorCode, ProxyError } from '../core/errors.ts';
import { errorFields } from './frames.ts';
import { message } from './messages.ts';

/** How a client takes it: `FATAL` ends the session. */
export type Severity = 'ERROR' | 'FATAL';

interface Wording {
  readonly sqlstate: string;
  /** What to do, where the text of the error cannot know it better. */
  readonly hint?: string;
}

/** SQLSTATEs (PG Appendix A) that drivers act upon: 53300, 57P01 and 57P03 are tried again, class 08 reconnects. */
export const wordings: Readonly<Record<ErrorCode, Wording>> = {
  AUTH_FAILED: { sqlstate: '28P01' },
  AUTH_METHOD: { sqlstate: '28000' },
  BAD_STARTUP: { sqlstate: '08P01' },
  CANCELLED: { sqlstate: '57014' },
  CLIENT_LIMIT: {
    sqlstate: '53300',
    hint: 'Close connections that are not needed, or raise maxClients of this listener.',
  },
  CONFIG: { sqlstate: 'F0000' },
  CONNECT_FAILED: { sqlstate: '57P03', hint: 'Nothing was executed; try again.' },
  HOLD_FULL: { sqlstate: '57P03', hint: 'Nothing was executed; try again when there is a primary.' },
  HOLD_TIMEOUT: { sqlstate: '57P03', hint: 'Nothing was executed; try again when there is a primary.' },
  LINK_LOST: { sqlstate: '08006' },
  NODE_REFUSED: { sqlstate: '57P03' },
  NOT_YOUR_SESSION: { sqlstate: '42501' },
  NO_SUCH_SESSION: { sqlstate: '42704' },
  NO_REPLICA: { sqlstate: '57P03', hint: 'Nothing was executed; try again.' },
  OUTCOME_UNKNOWN: {
    sqlstate: '08007',
    hint: 'Find out whether the statement took effect before sending it again.',
  },
  POOL_FULL: { sqlstate: '53300', hint: 'Nothing was executed; try again, or raise the size of the pool.' },
  POOL_TIMEOUT: {
    sqlstate: '53300',
    hint: 'Nothing was executed; try again, or raise the size of the pool.',
  },
  PORT_TAKEN: { sqlstate: 'XX000' },
  PROTOCOL: { sqlstate: '08P01' },
  READ_ONLY_TRANSACTION: { sqlstate: '25006' },
  SETTINGS_FAILED: { sqlstate: '55000' },
  SHUTDOWN: { sqlstate: '57P01', hint: 'Connect again.' },
  STARTUP_TIMEOUT: { sqlstate: '08P01' },
  TLS_REQUIRED: { sqlstate: '28000', hint: 'Connect with sslmode=require or stronger.' },
  TRANSACTION_FAILED: { sqlstate: '25P02', hint: 'Send ROLLBACK.' },
  UNSUPPORTED: { sqlstate: '0A000' },
};

/** An error of the proxy's own as an ErrorResponse; a server's refusal keeps the server's code and words. */
export function errorResponse(error: ProxyError, severity: Severity): Buffer {
  const wording = wordings[error.code];
  const { code, message: text } = error.server ?? { code: wording.sqlstate, message: error.message };
  const hint = error.server === undefined && wording.hint !== undefined ? `H${wording.hint}\0` : '';
  return message('E', `S${severity}\0V${severity}\0C${code}\0M${text.replaceAll('\0', ' ')}\0${hint}\0`);
}

/** The same attempt fails again: wrong account (class 28), no such database (3D), no right to connect (42). */
const FINAL = /^(28|3D|42)/;

/** A server's ErrorResponse to the proxy itself; `node` names who refused. */
export function serverRefused(node: string, body: Buffer): ProxyError {
  const fields = errorFields(body);
  const code = fields.code || 'XX000';
  const text = fields.message || 'the server refused without a reason';
  return new ProxyError('NODE_REFUSED', {
    side: 'server',
    retry: FINAL.test(code) ? 'no' : 'safe',
    tell: `${node} refused the connection: ${text} (${code})`,
    server: { code, message: text },
  });
}
