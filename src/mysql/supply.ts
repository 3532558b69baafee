import type { TransactionStatus } from '../core/wire.ts';
import { STATUS_IN_TRANSACTION } from './capabilities.ts';
import * as com from './commands.ts';
import type { Condition } from './diagnostics.ts';
import { stateOf } from './errors.ts';
import type { Memory } from './memory.ts';
import { type Column, errPacket, okPacket, type TextValue, textResult } from './messages.ts';
import { lenencText } from './packets.ts';
import { resultCharset } from './result-charsets.ts';
import { beginsReadOnly } from './retrospect.ts';
import type { MysqlUnit } from './unit.ts';
import type { MysqlIntent, Question } from './wants.ts';

/** SERVER_STATUS_IN_TRANS_READONLY. */
const STATUS_READ_ONLY = 0x2000;

const LONG = 3;
const LONGLONG = 8;
const VAR_STRING = 0xfd;
const NOT_NULL = 1;
const UNSIGNED = 32;
const BINARY = 128;
/** SESSION_TRACK_TRANSACTION_STATE: an explicit transaction that has done nothing, and none. */
const TRANSACTION_OPEN = Buffer.from('\x05\x09\x08T_______');
const TRANSACTION_OVER = Buffer.from('\x05\x09\x08________');
/** Decimals of text columns. */
const NOT_FIXED = { mysql: 31, mariadb: 39 };

/** MySQL warns of it since 8.0.17. */
const FOUND_ROWS_IS_OLD: Condition = {
  level: 'Warning',
  code: '1287',
  message:
    'FOUND_ROWS() is deprecated and will be removed in a future release. Consider using COUNT(*) instead.',
};

/** Answers a unit in the proxy's own name, and keeps what a session would remember of it. */
export function supplyReply(unit: MysqlUnit, memory: Memory, status: TransactionStatus): Buffer {
  const { failure, intent } = unit;
  if (failure !== undefined) {
    memory.diagnostics.failed(String(failure.code), failure.message);
    return errPacket(unit.sequence, { ...failure, state: stateOf(failure.code) });
  }
  if (intent?.question !== undefined) return answer(unit, intent.question, memory, status);
  if (intent !== undefined) keep(unit, intent, memory);
  return ok(unit, memory, status);
}

function keep(unit: MysqlUnit, intent: MysqlIntent, memory: Memory): void {
  const { diagnostics } = memory;
  if (intent.resets === true) {
    memory.reset();
    return;
  }
  if (unit.command === com.COM_STMT_RESET) return;
  diagnostics.rowCount = 0n;
  // No command but a statement clears the conditions; in MariaDB it has to use a table, too.
  if (!memory.mariadb && isStatement(unit)) diagnostics.clear();
  memory.keepOwn(intent);
}

const isStatement = ({ command }: MysqlUnit): boolean =>
  command === com.COM_QUERY || command === com.COM_STMT_EXECUTE;

function ok(unit: MysqlUnit, memory: Memory, status: TransactionStatus): Buffer {
  memory.readOnly = status !== 'idle' && (memory.readOnly || beginsReadOnly(unit));
  // MySQL says with a ping how many conditions there are.
  const counts = unit.command === com.COM_PING && !memory.mariadb;
  const warnings = counts ? memory.diagnostics.warningCount : 0;
  const facts = { status: flagsIn(status, memory), warnings };
  const changes = reported(unit, memory);
  const ok = changes === undefined ? facts : { ...facts, changes };
  return okPacket(1, ok, memory.login.traits.sessionTrack);
}

/** MySQL 9 reports that an explicit transaction begins or ends even where that is switched off (seen on 9.7). */
function reported({ intent }: MysqlUnit, { mariadb, login }: Memory): Buffer | undefined {
  if (mariadb || Number.parseInt(login.version, 10) < 9) return undefined;
  if (intent?.begin !== undefined) return TRANSACTION_OPEN;
  return intent?.kind === 'end' ? TRANSACTION_OVER : undefined;
}

function flagsIn(status: TransactionStatus, memory: Memory): number {
  if (status === 'idle') return memory.status;
  return memory.status | STATUS_IN_TRANSACTION | (memory.readOnly ? STATUS_READ_ONLY : 0);
}

// ---------------------------------------------------------------- questions

function answer(unit: MysqlUnit, question: Question, memory: Memory, status: TransactionStatus): Buffer {
  const { diagnostics, mariadb } = memory;
  const flags = flagsIn(status, memory);
  const { about } = question;
  if (about === 'warnings' || about === 'errors') {
    const rows = conditionsFor(question, diagnostics.conditions);
    diagnostics.told(undefined);
    return rowsFor(unit, conditionColumns(memory), rows, memory, flags);
  }
  const value = numberFor(question, memory);
  if (value === undefined) {
    const tell =
      'FOUND_ROWS() is not known to the proxy after a statement with OFFSET or UNION; ' +
      'use SELECT SQL_CALC_FOUND_ROWS, or COUNT(*)';
    diagnostics.failed('1235', tell);
    return errPacket(1, { code: 1235, state: '42000', message: tell });
  }
  diagnostics.told(1);
  // SHOW COUNT(*) looks at them, SELECT is another statement.
  if (!mariadb && unit.text?.word !== 'show') diagnostics.clear();
  let warnings = 0;
  if (!mariadb && about === 'found-rows') {
    diagnostics.conditions = [FOUND_ROWS_IS_OLD];
    diagnostics.warningCount = 1;
    warnings = 1;
  }
  return rowsFor(unit, [numberColumn(question, mariadb)], [[String(value)]], memory, flags, warnings);
}

function numberFor({ about }: Question, { diagnostics, login }: Memory): bigint | number | undefined {
  switch (about) {
    case 'warning-count':
      return diagnostics.warningCount;
    case 'error-count':
      return diagnostics.errorCount;
    case 'row-count':
      return diagnostics.rowCount;
    case 'connection-id':
      return login.id;
    default:
      return diagnostics.foundRows;
  }
}

function conditionsFor({ about, offset, limit }: Question, all: readonly Condition[]): TextValue[][] {
  const shown = about === 'errors' ? all.filter(({ level }) => level === 'Error') : all;
  return shown.slice(offset, offset + limit).map(({ level, code, message }) => [level, code, message]);
}

function conditionColumns({ mariadb, login, results, collation: spoken }: Memory): Column[] {
  const { collation, longest } = resultCharset(results, spoken, login.version);
  const decimals = mariadb ? NOT_FIXED.mariadb : NOT_FIXED.mysql;
  const text = { type: VAR_STRING, collation, flags: NOT_NULL, decimals };
  return [
    { ...text, name: 'Level', length: 7 * longest },
    { name: 'Code', type: LONG, collation: 63, length: mariadb ? 4 : 5, flags: NOT_NULL | UNSIGNED | BINARY },
    { ...text, name: 'Message', length: 512 * longest },
  ];
}

function numberColumn({ about, column }: Question, mariadb: boolean): Column {
  const number = { type: LONGLONG, collation: 63, length: 21 };
  switch (about) {
    case 'warning-count':
      return { ...number, name: column || '@@session.warning_count', flags: UNSIGNED | BINARY };
    case 'error-count':
      return { ...number, name: column || '@@session.error_count', flags: UNSIGNED | BINARY };
    case 'connection-id': {
      const flags = NOT_NULL | UNSIGNED | BINARY;
      return mariadb
        ? { ...number, name: column, type: LONG, length: 10, flags }
        : { ...number, name: column, flags };
    }
    default:
      return { ...number, name: column, flags: NOT_NULL | BINARY };
  }
}

/** Rows as the command asks for them: COM_STMT_EXECUTE has them in binary. */
function rowsFor(
  unit: MysqlUnit,
  columns: readonly Column[],
  rows: readonly TextValue[][],
  memory: Memory,
  status: number,
  warnings = 0,
): Buffer {
  const { traits } = memory.login;
  if (unit.command !== com.COM_STMT_EXECUTE) return textResult(columns, rows, traits, status, warnings);
  return textResult(columns, rows, traits, status, warnings, (row) => binaryRow(columns, row));
}

/** "Binary Protocol Resultset Row"; none of these columns is ever NULL. */
function binaryRow(columns: readonly Column[], row: readonly TextValue[]): Uint8Array[] {
  const parts: Uint8Array[] = [Buffer.alloc(1 + ((columns.length + 9) >> 3))];
  for (const [at, { type }] of columns.entries()) {
    const value = row[at] ?? '';
    if (type === VAR_STRING) parts.push(lenencText(value));
    else {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(BigInt.asIntN(64, BigInt(String(value))));
      parts.push(bytes.subarray(0, type === LONG ? 4 : 8));
    }
  }
  return parts;
}
