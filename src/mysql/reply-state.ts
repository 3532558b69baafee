import type { PinReason } from '../core/intent.ts';
import type { SettingChange } from '../core/settings.ts';
import type { Outcome, TransactionStatus } from '../core/wire.ts';
import type { OkPacket } from './ok-packet.ts';
import type { MysqlEnd } from './reply.ts';

/**
 * How the reader stands to the reply at the head of the queue, and how it ended. In a reply of which one answer is
 * forwarded, `error` is that answer's: what went ahead of it tells its own `Answer.failed`.
 */
export class ReplyState implements Outcome, MysqlEnd {
  status: TransactionStatus = 'idle';
  error = '';
  /** SQLSTATE of the error; '' if there was none. */
  errorState = '';
  message = '';
  readonly rolledBack = false;
  readonly settingChanged = false;
  changes: SettingChange[] = [];
  pin: PinReason | undefined;
  rows: (string | null)[][] = [];
  affectedRows = 0n;
  insertId = 0n;
  warnings = 0;
  rowCount = -1;
  collationUnknown = false;
  /** Something of this reply has been given to its session. */
  delivered = false;
  /** The rest of what was to be forwarded is dropped: its unit runs elsewhere, or has been answered. */
  dropped = false;
  /** The command whose answer comes next. */
  answer = 0;
  /** Commands that were answered without an error. */
  succeeded = 0;

  ok({ affectedRows, insertId, warnings }: OkPacket): void {
    this.affectedRows = affectedRows;
    this.insertId = insertId;
    this.warnings = warnings;
  }

  failed(error: string, state: string, message: string): void {
    if (this.error !== '') return;
    this.error = error;
    this.errorState = state;
    this.message = message;
  }

  /** Of several reasons the one that nothing releases. */
  keep(pin: PinReason): void {
    if (this.pin !== 'session-state') this.pin = pin;
  }

  clear(): void {
    this.error = '';
    this.errorState = '';
    this.message = '';
    if (this.changes.length > 0) this.changes = [];
    this.pin = undefined;
    if (this.rows.length > 0) this.rows = [];
    this.affectedRows = 0n;
    this.insertId = 0n;
    this.warnings = 0;
    this.rowCount = -1;
    this.collationUnknown = false;
    this.delivered = false;
    this.dropped = false;
    this.answer = 0;
    this.succeeded = 0;
  }
}
