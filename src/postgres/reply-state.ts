import type { SettingChange } from '../core/settings.ts';
import type { Outcome, TransactionStatus } from '../core/wire.ts';

const NO_CHANGES: readonly SettingChange[] = [];

/** How the reader stands to the reply at the head of the queue. */
export class ReplyState implements Outcome {
  status: TransactionStatus = 'idle';
  error = '';
  message = '';
  rolledBack = false;
  settingChanged = false;
  /** A server reports no more than some parameters. */
  readonly changes = NO_CHANGES;
  readonly pin = undefined;
  rows: (string | null)[][] = [];
  /** Something of this reply has been given to its session. */
  delivered = false;
  /** The rest of this reply is dropped: its unit runs elsewhere. */
  dropped = false;
  /** The step of a stepped reply whose answer comes next. */
  step = 0;

  clear(): void {
    this.error = '';
    this.message = '';
    this.rolledBack = false;
    this.settingChanged = false;
    if (this.rows.length > 0) this.rows = [];
    this.delivered = false;
    this.dropped = false;
    this.step = 0;
  }
}
