import type { Outcome } from '../core/wire.ts';
import type { MysqlEnd } from './reply.ts';

/** Conditions of one statement that are kept for SHOW WARNINGS: the server's own bound (max_error_count). */
const KEPT = 1_024;

const NONE: readonly Condition[] = [];

/** One row of SHOW WARNINGS. */
export interface Condition {
  readonly level: string;
  readonly code: string;
  readonly message: string;
}

/** FOUND_ROWS() after a statement: the rows that it sent, what the server has counted, or nobody can tell. */
export type Found = 'sent' | 'counted' | 'unknown';

/**
 * What a session's last statement has left behind for those that look back: conditions, ROW_COUNT() and FOUND_ROWS().
 * The link may have served another session since, so the proxy itself keeps and tells them.
 */
export class Diagnostics {
  conditions = NONE;
  /** @@warning_count: may be more than are kept. */
  warningCount = 0;
  rowCount = 0n;
  /** Undefined: nobody can tell. */
  foundRows: bigint | undefined = 0n;

  get errorCount(): number {
    return this.conditions.filter(({ level }) => level === 'Error').length;
  }

  clear(): void {
    this.conditions = NONE;
    this.warningCount = 0;
  }

  failed(code: string, message: string): void {
    this.conditions = [{ level: 'Error', code, message }];
    this.warningCount = 1;
    this.rowCount = -1n;
  }

  /** Rows of the proxy's own were the answer to SELECT; undefined: to SHOW. */
  told(rows: number | undefined): void {
    this.rowCount = -1n;
    if (rows !== undefined) this.foundRows = BigInt(rows);
  }

  /**
   * A statement has ended. `keeps`: conditions stay where it has none of its own. True: the server has more to say
   * about them.
   */
  ended(outcome: Outcome & MysqlEnd, found: Found, keeps: boolean): boolean {
    if (outcome.error !== '') {
      this.failed(outcome.error, outcome.message);
      return true;
    }
    if (outcome.rowCount < 0) this.rowCount = outcome.affectedRows;
    else {
      this.rowCount = -1n;
      this.foundRows = found === 'sent' ? BigInt(outcome.rowCount) : undefined;
    }
    if (outcome.warnings === 0) {
      if (!keeps && this.warningCount > 0) this.clear();
      return false;
    }
    this.clear();
    this.warningCount = outcome.warnings;
    return true;
  }

  /** Rows of SHOW WARNINGS. */
  learned(rows: Outcome['rows']): void {
    if (rows.length === 0) return;
    this.conditions = rows
      .slice(0, KEPT)
      .map(([level, code, message]) => ({ level: level ?? '', code: code ?? '', message: message ?? '' }));
    this.warningCount = Math.max(this.warningCount, rows.length);
  }

  reset(): void {
    this.clear();
    this.rowCount = 0n;
    this.foundRows = 0n;
  }
}
