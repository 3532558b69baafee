import type { Outcome, Plan } from '../core/wire.ts';
import * as com from './commands.ts';
import type { IdEnd } from './insert-ids.ts';
import type { LinkSide } from './link-side.ts';
import type { Memory } from './memory.ts';
import { queryCommand } from './messages.ts';
import { type Answer, type MysqlEnd, Reply } from './reply.ts';
import type { StatementText } from './statement-facts.ts';
import type { MysqlUnit } from './unit.ts';

/** After these the server closes the connection: nothing can be asked. */
const LAST_WORDS = new Set(['1053', '1080', '1152', '1156', '1159', '1161', '1927', '3169', '4031']);

/** Errors of statements that never began: SET TRANSACTION is still for the next one. Seen on real servers. */
const NOT_BEGUN = new Set(['1064', '1792']);

const SHOW_WARNINGS = queryCommand('SHOW WARNINGS');
const SELECT_ID = queryCommand('SELECT LAST_INSERT_ID()');
const SELECT_BOTH = queryCommand('SELECT LAST_INSERT_ID(), FOUND_ROWS()');
const COMMIT = queryCommand('COMMIT');

const ASKED: Answer = { shape: 'result', take: 'swallow' };
const REPLIES = [1, 2, 3].map((count) => new Reply(Array<Answer>(count).fill(ASKED), { capture: true }));

const NO_ID: IdEnd = { failed: false, insertId: 0n, plain: true, certain: false };

/** What must be asked on the link after a statement. */
interface Questions {
  readonly conditions: boolean;
  readonly id: boolean;
  readonly found: boolean;
  /** What SET TRANSACTION began may not have been used up: its end is sure to use it up. */
  readonly commits: boolean;
}

/** Hears how commands have ended, and has the server asked what their answers do not say. */
export class Retrospect {
  readonly #memory: Memory;
  #idle = true;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  completed(unit: MysqlUnit, outcome: Outcome & MysqlEnd, server: LinkSide): Plan | undefined {
    this.#idle = outcome.status === 'idle';
    const { statement, intent, text } = unit;
    if (text === undefined) {
      this.#command(unit, outcome);
      return undefined;
    }
    if (statement !== undefined && outcome.pin === 'cursor') statement.cursor = true;
    if (LAST_WORDS.has(outcome.error)) return undefined;
    if (unit.held.texts.length > 0 && NOT_BEGUN.has(outcome.error)) this.#memory.holdAgain(unit.held);
    this.#memory.readOnly = !this.#idle && (this.#memory.readOnly || beginsReadOnly(unit));
    const { diagnostics, mariadb } = this.#memory;
    // GET DIAGNOSTICS looks at the conditions and leaves them as they are.
    const looks = intent?.looksBack === true && text.word === 'get';
    const keeps = looks || (mariadb && diagnostics.warningCount > 0 && text.usesNoTable);
    const rows = outcome.error === '' && outcome.rowCount >= 0;
    const counts = rows && intent?.countsRows === true;
    const sent = !rows || counts || intent?.sendsAll === true;
    const more = diagnostics.ended(outcome, sent ? 'sent' : text.found, keeps);
    return question({
      conditions: more && !looks,
      id: this.#identify(unit, text, outcome, server),
      found: counts,
      commits: unit.held.texts.length > 0 && this.#idle,
    });
  }

  /** True: the server is to be asked for LAST_INSERT_ID(). */
  #identify(
    { idUse, intent }: MysqlUnit,
    text: StatementText,
    { error, insertId, rowCount }: MysqlEnd & Outcome,
    server: LinkSide,
  ): boolean {
    if (idUse === 'none') {
      return this.#memory.ids.ended(server, idUse, { ...NO_ID, failed: error !== '' }, this.#idle);
    }
    const reads = intent?.kind === 'read';
    const end: IdEnd = {
      failed: error !== '',
      insertId,
      plain: reads || (text.tellsId && rowCount < 0 && intent?.insertId !== true),
      certain: text.word === 'update',
    };
    return this.#memory.ids.ended(server, idUse, end, this.#idle);
  }

  /** Commands that are no statements leave the conditions as they are, but for PREPARE and RESET in MySQL. */
  #command({ command, statement }: MysqlUnit, outcome: Outcome & MysqlEnd): void {
    const { diagnostics, statements } = this.#memory;
    if (outcome.error !== '') {
      diagnostics.failed(outcome.error, outcome.message);
      if (command === com.COM_STMT_PREPARE && statement !== undefined) statements.close(statement.number);
      return;
    }
    switch (command) {
      case com.COM_RESET_CONNECTION:
        this.#memory.reset();
        break;
      case com.COM_STMT_PREPARE:
      case com.COM_STMT_RESET:
        if (!this.#memory.mariadb) diagnostics.clear();
        break;
      case com.COM_STATISTICS:
      case com.COM_STMT_FETCH:
        break;
      case com.COM_INIT_DB:
        diagnostics.rowCount = 0n;
        break;
      default:
        diagnostics.rowCount = -1n;
    }
  }

  learned(outcome: Outcome): void {
    const { diagnostics, ids } = this.#memory;
    // An error has no status: what was asked behind it has one.
    this.#idle = outcome.status === 'idle';
    diagnostics.learned(outcome.rows.filter(({ length }) => length === 3));
    const [id, found] = outcome.rows.find(({ length }) => length < 3) ?? [];
    if (found !== undefined && found !== null) diagnostics.foundRows = BigInt(found);
    ids.learned(id === undefined || id === null ? undefined : BigInt(id), this.#idle);
  }
}

/** By its own words, or those of a SET TRANSACTION ahead of it. */
export const beginsReadOnly = ({ intent, held }: MysqlUnit): boolean =>
  intent?.begin !== undefined && (intent.begin.readOnly || held.readOnly);

function question({ conditions, id, found, commits }: Questions): Plan | undefined {
  if (!conditions && !id && !found && !commits) return undefined;
  const commands: Buffer[] = [];
  // The other questions would wipe the conditions out.
  if (conditions) commands.push(SHOW_WARNINGS);
  if (found) commands.push(SELECT_BOTH);
  else if (id) commands.push(SELECT_ID);
  if (commits) commands.push(COMMIT);
  const expect = REPLIES[commands.length - 1];
  return expect === undefined ? undefined : { bytes: Buffer.concat(commands), expect };
}
