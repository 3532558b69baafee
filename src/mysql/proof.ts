import { Findings } from './findings.ts';
import { Frame } from './frame.ts';
import { cteBody, partsOf, systemVariable, writtenParts } from './lookaround.ts';
import { type NameFacts, NameJudge, type Obstacle } from './names.ts';
import type { RuleId } from './rules.ts';
import type { TokenList } from './token-list.ts';
import { OPERATOR, PUNCT, QUOTED, STRING, VARIABLE, WORD } from './tokens.ts';
import { CHANGING, CLAUSES, CONSTRUCTS, FROM_INSIDE, JOINING, RESERVED } from './words.ts';

/** Deeper parentheses are not followed. */
const DEPTH_LIMIT = 1_000;
const STRAY = new Set(['{', '}', '[', ']']);

/**
 * Looks at every token of one statement, at every depth, for what keeps it from being a plain read. Follows
 * the grammar only as far as it must to know what a name is: a relation, a function, or a column.
 * Where it misreads a statement that the server refuses anyway, that does no harm.
 */
export function prove(tokens: TokenList, from: number, to: number, facts: NameFacts): Findings {
  const proof = new Proof(tokens, new NameJudge(facts));
  proof.run(from, to);
  return proof.findings;
}

class Proof {
  readonly findings = new Findings();
  readonly #tokens: TokenList;
  readonly #judge: NameJudge;
  readonly #frames: Frame[] = [];
  #frame: Frame = new Frame('');

  constructor(tokens: TokenList, judge: NameJudge) {
    this.#tokens = tokens;
    this.#judge = judge;
  }

  run(from: number, to: number): void {
    for (let at = from; at < to; ) at = this.#step(at);
    if (this.#frames.length > 0) this.#block('U01', 'parentheses');
    if (this.#frame.expect) this.#block('U01', 'FROM');
  }

  #push(frame: Frame): Frame {
    if (this.#frames.length > DEPTH_LIMIT) this.#block('U01', 'too many parentheses');
    else this.#frames.push(this.#frame);
    this.#frame = frame;
    return frame;
  }

  #block(rule: RuleId, detail: string): void {
    this.findings.note({ rule, detail });
  }

  #note(obstacle: Obstacle | undefined): void {
    if (obstacle !== undefined) this.findings.note(obstacle);
  }

  /** Takes what begins at `at`; gives where to go on. */
  #step(at: number): number {
    const tokens = this.#tokens;
    const kind = tokens.kind(at);
    if (kind === PUNCT) return this.#punct(at, tokens.text(at));
    if (kind === OPERATOR) return this.#operator(at, tokens.text(at));
    if (kind === VARIABLE) return this.#variable(at);
    if (kind === WORD && !this.#qualifies(at)) return this.#word(at, tokens.text(at));
    if (kind === WORD || kind === QUOTED) return this.#name(at);
    if (this.#frame.expect) this.#block('W08', tokens.text(at));
    // FROM t 'alias' is none for a table; SELECT 1 'alias' is one.
    if (kind !== STRING || !this.#frame.alias) this.#frame.alias = false;
    return at + 1;
  }

  /** Next to a dot and another word a word is a name, whatever it says (sql_lex.cc, MY_LEX_IDENT_SEP). */
  #qualifies(at: number): boolean {
    const tokens = this.#tokens;
    if (!tokens.mark(at + 1, '.')) return false;
    const adjacent = tokens.gaps[at + 1] === false && tokens.gaps[at + 2] === false;
    return !RESERVED.has(tokens.text(at)) || (adjacent && tokens.kind(at + 2) === WORD);
  }

  #word(at: number, word: string): number {
    const opens = this.#tokens.mark(at + 1, '(');
    if (CHANGING.has(word) && !(opens && (CONSTRUCTS.has(word) || word === 'truncate'))) {
      this.#block('W01', word);
      this.#frame.alias = false;
      return at + 1;
    }
    switch (word) {
      case 'select':
        return this.#select(at);
      case 'from':
        return this.#from(at);
      case 'with':
        return this.#with(at);
      case 'as':
        return this.#as(at);
      case 'for':
        return this.#for(at);
      case 'table':
        this.#frame.expect = true;
        return at + 1;
      case 'into':
        this.#block('W03', word);
        break;
      case 'lock':
        this.#block('W02', word);
        break;
      case 'procedure':
        this.#block('W04', word);
        break;
      case 'join':
      case 'straight_join':
        return this.#join(at, word);
      case 'dual':
        return this.#dual(at);
      case 'lateral':
        if (opens && this.#frame.expect) return at + 1;
        break;
      case 'sql_calc_found_rows':
        this.findings.countsRows = true;
        break;
    }
    return RESERVED.has(word) && !opens ? this.#reserved(at, word) : this.#name(at);
  }

  #reserved(at: number, word: string): number {
    const frame = this.#frame;
    frame.alias = false;
    if (CLAUSES.has(word)) this.#endClause();
    else if (frame.expect) this.#block('W08', word);
    return at + 1;
  }

  #endClause(): void {
    if (this.#frame.expect) this.#block('U01', 'FROM');
    this.#frame.clause = this.#frame.expect = false;
  }

  #select(at: number): number {
    const frame = this.#frame;
    frame.clause = frame.expect = frame.listing = frame.alias = false;
    frame.select = true;
    return at + 1;
  }

  #from(at: number): number {
    const frame = this.#frame;
    frame.alias = false;
    if (!FROM_INSIDE.has(frame.opener) || frame.select) frame.clause = frame.expect = true;
    return at + 1;
  }

  /** STRAIGHT_JOIN in front of FROM is a mode of SELECT. */
  #join(at: number, word: string): number {
    const frame = this.#frame;
    frame.alias = false;
    if (word === 'join' || frame.clause) frame.clause = frame.expect = true;
    return at + 1;
  }

  #dual(at: number): number {
    if (!this.#frame.expect) this.#block('U01', 'dual');
    this.#frame.expect = false;
    return at + 1;
  }

  /** SUBSTRING(… FOR …), USE INDEX FOR JOIN and … FOR ORDINALITY; every other FOR locks or takes from a sequence. */
  #for(at: number): number {
    const tokens = this.#tokens;
    const frame = this.#frame;
    if (FROM_INSIDE.has(frame.opener) && !frame.select) return at + 1;
    if (tokens.is(at - 1, 'index') || tokens.is(at - 1, 'key')) return at + 2;
    if (tokens.is(at + 1, 'ordinality')) return at + 2;
    this.#block('W02', `for ${tokens.text(at + 1)}`.trim());
    this.#endClause();
    return at + 1;
  }

  /** What stands behind AS is a name or a type, and what follows that in parentheses its columns or its length. */
  #as(at: number): number {
    const tokens = this.#tokens;
    this.#frame.alias = false;
    const kind = tokens.kind(at + 1);
    if (kind !== QUOTED && (kind !== WORD || RESERVED.has(tokens.text(at + 1)))) return at + 1;
    if (!tokens.mark(at + 2, '(')) return at + 2;
    this.#push(new Frame('columns'));
    return at + 3;
  }

  #with(at: number): number {
    const recursive = this.#tokens.is(at + 1, 'recursive') && this.#tokens.named(at + 2);
    const body = this.#cte(recursive ? at + 2 : at + 1, recursive);
    if (body < 0) this.#frame.alias = false;
    return body < 0 ? at + 1 : body;
  }

  /** Enters the query of a name in a WITH; -1 if none begins here. Without RECURSIVE it does not see itself. */
  #cte(at: number, recursive: boolean): number {
    const body = cteBody(this.#tokens, at);
    if (body < 0) return -1;
    const frame = this.#frame;
    const name = this.#tokens.text(at).toLowerCase();
    frame.expect = false;
    frame.listing = true;
    frame.recursive = recursive;
    frame.names ??= new Set();
    if (recursive) frame.names.add(name);
    this.#push(new Frame('', false, name));
    return body;
  }

  #name(at: number): number {
    const tokens = this.#tokens;
    const frame = this.#frame;
    const parts = partsOf(tokens, at);
    const next = at + parts.length * 2 - 1;
    const opens = tokens.mark(next, '(');
    const word = parts.length === 1 && tokens.kind(at) === WORD;
    if (frame.expect) return this.#item(at, parts, next, opens && word);
    const alias = frame.alias && !(word && JOINING.has(parts[0] ?? ''));
    frame.alias = false;
    if (alias && opens) this.#push(new Frame('columns'));
    if (alias) return opens ? next + 1 : next;
    if (opens) return this.#call(parts, next, word, false);
    // A sequence in the manner of Oracle.
    const last = parts.at(-1)?.toLowerCase() ?? '';
    if (parts.length > 1 && (last === 'nextval' || last === 'currval')) this.#block('W05', last);
    return next;
  }

  /** An item of a FROM clause. */
  #item(at: number, parts: readonly string[], next: number, opens: boolean): number {
    const frame = this.#frame;
    frame.expect = false;
    this.findings.relations = true;
    if (opens && parts[0] === 'json_table') return this.#call(parts, next, true, true);
    frame.alias = true;
    const [name = ''] = parts;
    if (parts.length === 1 && this.#isDefined(name.toLowerCase())) return next;
    this.#note(this.#judge.relation(writtenParts(this.#tokens, at, parts)));
    return next;
  }

  /** Has a WITH around it defined this name? */
  #isDefined(name: string): boolean {
    if (this.#frame.names?.has(name) === true) return true;
    return this.#frames.some((frame) => frame.names?.has(name) === true);
  }

  #call(names: readonly string[], open: number, word: boolean, item: boolean): number {
    const tokens = this.#tokens;
    const parts = names.map((part) => part.toLowerCase());
    const name = parts.at(-1) ?? '';
    const empty = tokens.mark(open + 1, ')');
    if (parts.length === 1 && name === 'last_insert_id') {
      if (empty) this.findings.insertId = true;
      else this.findings.setsInsertId = true;
    }
    // Quoted or with a space before the parenthesis, a name may mean a stored function.
    const obstacle = this.#judge.call({ parts, word, gap: !word || tokens.gaps[open] === true, empty });
    if (parts.length === 1 && name === 'version' && obstacle?.rule === 'W06') this.findings.system ||= name;
    else this.#note(obstacle);
    this.#push(new Frame(word ? name : '', item));
    return open + 1;
  }

  #variable(at: number): number {
    const text = this.#tokens.text(at);
    if (this.#frame.expect) this.#block('W08', text);
    this.#frame.alias = false;
    if (!text.startsWith('@@')) {
      this.findings.note({ rule: 'W18', detail: text, pin: 'user-variable' });
      return at + 1;
    }
    const { name, next } = systemVariable(this.#tokens, at);
    if (name === 'last_insert_id' || name === 'identity') this.findings.insertId = true;
    if (name === 'warning_count' || name === 'error_count') {
      this.findings.note({ rule: 'W06', detail: text, looksBack: true });
    }
    this.findings.system ||= text;
    return next;
  }

  #punct(at: number, text: string): number {
    const frame = this.#frame;
    if (text === '(') this.#open(at);
    else if (text === ')') this.#close();
    else {
      frame.alias = false;
      if (text === ',') return this.#comma(at);
      // Behind a name only what it is all of, `t.*`; a dot in front of a name belongs to no name that was read.
      if (frame.expect || !this.#tokens.operator(at + 1, '*')) this.#block('U01', text);
    }
    return at + 1;
  }

  #open(at: number): void {
    const frame = this.#frame;
    const before = this.#tokens.kind(at - 1) === WORD && !frame.expect ? this.#tokens.text(at - 1) : '';
    const inner = this.#push(new Frame(before, frame.expect));
    inner.clause = inner.expect = frame.expect;
    this.findings.relations ||= frame.expect;
    frame.expect = frame.alias = false;
  }

  #close(): void {
    const closed = this.#frame;
    const around = this.#frames.pop();
    if (closed.expect) this.#block('U01', 'FROM');
    if (around === undefined) {
      this.#block('U01', 'parentheses');
      return;
    }
    if (closed.cte !== '') around.names?.add(closed.cte);
    around.alias = closed.item;
    this.#frame = around;
  }

  #comma(at: number): number {
    const frame = this.#frame;
    const body = frame.listing ? this.#cte(at + 1, frame.recursive) : -1;
    if (body >= 0) return body;
    if (frame.clause) frame.expect = true;
    return at + 1;
  }

  #operator(at: number, text: string): number {
    const frame = this.#frame;
    if (frame.expect) this.#block('W08', text);
    frame.alias = false;
    if (text === ':=') this.findings.note({ rule: 'W18', detail: text, pin: 'user-variable' });
    else if (STRAY.has(text)) this.#block('U01', text);
    return at + 1;
  }
}
