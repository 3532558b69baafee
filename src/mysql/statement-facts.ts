import type { Found } from './diagnostics.ts';
import { firstWord } from './first-word.ts';
import type { IdUse } from './insert-ids.ts';
import type { MysqlIntent } from './wants.ts';

/** Statements that neither ask for LAST_INSERT_ID() nor change it, unless they name it. */
const QUIET = new Set(
  `alter analyze check commit delete drop flush get grant lock optimize rename repair revoke rollback set show start
  truncate unlock update`.split(/\s+/),
);
/** Those that tell a new value in their OK packet. */
const GENERATING = new Set(['insert', 'replace']);
/** Statements that use no table; of SELECT, those without FROM. */
const TABLELESS = new Set('begin commit do kill release rollback savepoint set start use'.split(' '));

const RETURNS = /\breturning\b/i;

const NAMES_ID = /last_insert_id|identity/i;

/** Then FOUND_ROWS() may be more than the rows that were sent. */
const UNTOLD = /\boffset\b|\blimit\b[^)]*,|\bunion\b|\bexcept\b|\bintersect\b/i;

/** Words without which FOUND_ROWS() is the number of rows that were sent, in the normal form of a text. */
const MAY_LIMIT = /\b(?:offset|limit|union|except|intersect)\b/i;

/** Nothing in a text of this normal form keeps rows from its client. */
export const sendsAll = (form: string): boolean => !MAY_LIMIT.test(form);

/** What is known of a statement's text beyond what it wants; each found when it is first needed. */
export class StatementText {
  readonly text: Buffer;
  /** The client may send several statements in one text. */
  readonly #multi: boolean;
  #word: string | undefined;
  #found: Found | undefined;

  constructor(text: Buffer, multi: boolean) {
    this.text = text;
    this.#multi = multi;
  }

  /** The first word in lower case; '' if there are several statements, or none that can be told. */
  get word(): string {
    this.#word ??= this.#multi && /;\s*\S/.test(this.text.toString('latin1')) ? '' : firstWord(this.text);
    return this.#word;
  }

  /** FOUND_ROWS() after it, unless it has the server count them. */
  get found(): Found {
    this.#found ??= UNTOLD.test(this.text.toString('latin1')) ? 'unknown' : 'sent';
    return this.#found;
  }

  get usesNoTable(): boolean {
    if (this.word !== 'select') return TABLELESS.has(this.word);
    return !/\bfrom\b/i.test(this.text.toString('latin1'));
  }

  /** It may set it: LAST_INSERT_ID(expr), SET last_insert_id. */
  get namesId(): boolean {
    return NAMES_ID.test(this.text.toString('latin1'));
  }

  /** The OK packet has all that is new of LAST_INSERT_ID(): after rows (MariaDB, RETURNING) it has nothing. */
  get tellsId(): boolean {
    return GENERATING.has(this.word) && !RETURNS.test(this.text.toString('latin1'));
  }
}

/** `settled`: no transaction is open, and none that it opens outlives it. */
export function idUse(intent: MysqlIntent, text: StatementText, settled: boolean): IdUse {
  if (intent.insertId) return 'must';
  if (intent.kind === 'session' || (intent.kind === 'write' && QUIET.has(text.word))) {
    return text.namesId ? 'must' : 'none';
  }
  if (intent.kind !== 'write') return 'none';
  return settled && text.tellsId ? 'may' : 'must';
}
