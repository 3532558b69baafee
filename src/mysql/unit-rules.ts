import type { IntentKind } from '../core/intent.ts';
import { plainIntent } from '../core/plain-intent.ts';
import type { MysqlIntent } from './wants.ts';

/** Rules about commands as the protocol frames them, beside those about texts (rules.ts). */
export const UNIT_RULES = {
  M00: 'it is a command about the connection, or about the server as a whole',
  M01: 'it asks for the columns of a table (COM_FIELD_LIST)',
  M02: 'it chooses a schema (COM_INIT_DB)',
  M03: 'it puts the session back to how it began (COM_RESET_CONNECTION)',
  M04: 'the proxy itself answers it',
  P00: 'it prepares a read, and runs nothing',
  P01: 'it prepares something else, and runs nothing',
  P02: 'it opens a cursor, which stays on the primary',
  P03: 'it is about a cursor of the session',
  U05: 'it is larger than the limit: passed on as it streams by, unread',
} as const;

/** An intent of which all that is not named is as harmless as can be. */
export const unitIntent = (
  kind: IntentKind,
  because: keyof typeof UNIT_RULES,
  detail: string,
  more: Partial<MysqlIntent> = {},
): MysqlIntent => ({ ...plainIntent(kind, because, detail), insertId: false, settingsOnly: false, ...more });
