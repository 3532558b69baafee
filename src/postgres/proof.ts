import type { FunctionLists } from '../core/function-lists.ts';
import type { CatalogueView } from './catalogue.ts';
import { Findings } from './findings.ts';
import { Frame } from './frame.ts';
import {
  builtinOperatorEnd,
  cteBody,
  endsInTrue,
  isDistinctFrom,
  isStar,
  partsOf,
  rowLock,
} from './lookaround.ts';
import { NameJudge, type Obstacle } from './names.ts';
import type { RuleId } from './rules.ts';
import type { TokenList } from './token-list.ts';
import { OPERATOR, PUNCT, QUOTED, STRING, WORD } from './tokens.ts';
import { BEFORE_STRING, CHANGING, CLAUSES, FROM_INSIDE, JOINING, RESERVED } from './words.ts';

/** Deeper parentheses are not followed. */
const DEPTH_LIMIT = 1_000;
const STORING = new Set(['temp', 'temporary', 'local', 'global', 'unlogged', 'table']);

/**
 * Looks at every token of one statement, at every depth, for what keeps it from being a plain read. Follows
 * the grammar only as far as it must to know what a name is: a relation, a function, a type, or a column.
 * Where it misreads a statement that the server refuses anyway, that does no harm.
 */
export function prove(
  tokens: TokenList,
  from: number,
  to: number,
  catalogue: CatalogueView | undefined,
  lists: FunctionLists,
): Findings {
  const proof = new Proof(tokens, new NameJudge(catalogue, lists));
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
    this.#note(this.#judge.hidden());
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
    if (kind === WORD || kind === QUOTED) {
      // What stands behind a dot here did not begin with a name: `(row).column`.
      if (!tokens.mark(at - 1, '.')) return kind === WORD ? this.#word(at, tokens.text(at)) : this.#name(at);
      this.#attribute(at);
    } else if (this.#frame.expect) this.#block('W08', tokens.text(at));
    this.#frame.alias = false;
    return at + 1;
  }

  #attribute(at: number): void {
    const name = this.#tokens.text(at);
    if (this.#tokens.kind(at) === WORD && CHANGING.has(name)) this.#block('W01', name);
    this.#note(this.#judge.attribute(name));
  }

  #word(at: number, word: string): number {
    if (CHANGING.has(word)) return this.#changing(at, word);
    switch (word) {
      case 'from':
        return this.#from(at);
      case 'with':
        return this.#with(at);
      case 'as':
        return this.#as(at);
      case 'into':
        return this.#into(at);
      case 'rows':
        return this.#rows(at);
      case 'lateral':
      case 'only':
        return at + 1;
      case 'ordinality':
        return this.#tokens.is(at - 1, 'with') ? at + 1 : this.#name(at);
      case 'operator':
        return this.#tokens.mark(at + 1, '(') ? this.#qualifiedOperator(at) : this.#name(at);
      case 'collate':
        this.#frame.alias = false;
        return at + Math.max(1, partsOf(this.#tokens, at + 1).length * 2);
      case 'join':
        this.#frame.clause = this.#frame.expect = true;
        this.#frame.alias = false;
        return at + 1;
      case 'values':
        return this.#tokens.mark(at + 1, '(') ? this.#reserved(at, word) : this.#name(at);
      default:
        return RESERVED.has(word) ? this.#reserved(at, word) : this.#name(at);
    }
  }

  #reserved(at: number, word: string): number {
    const tokens = this.#tokens;
    const frame = this.#frame;
    frame.alias = false;
    if (word === 'select' || word === 'values') {
      frame.clause = frame.expect = frame.listing = false;
      frame.select = true;
    } else if (word === 'table') frame.expect = true;
    else if (word === 'for') this.#for(at);
    else if (word === 'returning' && frame.opener.startsWith('json')) this.#type(at + 1);
    else if (word === 'using') {
      // DELETE … USING a, b and MERGE … USING a; behind JOIN … USING stands a parenthesis.
      if (tokens.named(at + 1)) frame.expect = frame.clause = true;
    } else if (word === 'group' ? tokens.is(at + 1, 'by') : CLAUSES.has(word)) this.#endClause();
    else if (word === 'when' && this.findings.first?.detail === 'merge') this.#endClause();
    else if (frame.expect) this.#block('W08', word);
    return at + 1;
  }

  #endClause(): void {
    if (this.#frame.expect) this.#block('U01', 'FROM');
    this.#frame.clause = this.#frame.expect = false;
  }

  #changing(at: number, word: string): number {
    const tokens = this.#tokens;
    const frame = this.#frame;
    this.#block('W01', word);
    frame.alias = false;
    if (word === 'truncate') frame.expect = frame.clause = true;
    const target = word === 'update' && tokens.named(at + 1) && !tokens.is(at + 1, 'set');
    const lock = tokens.is(at - 1, 'for') || tokens.is(at - 1, 'key');
    if (target && !lock) frame.expect = frame.target = true;
    return at + 1;
  }

  #from(at: number): number {
    const frame = this.#frame;
    frame.alias = false;
    const inside = FROM_INSIDE.has(frame.opener) && !frame.select;
    if (!inside && !isDistinctFrom(this.#tokens, at)) frame.clause = frame.expect = true;
    return at + 1;
  }

  /** A FOR that locks ends the FROM clause; COLLATION FOR and SUBSTRING(… FOR …) do not. */
  #for(at: number): void {
    const lock = rowLock(this.#tokens, at);
    if (lock === '') return;
    this.#block('W02', lock);
    this.#endClause();
  }

  /** ROWS FROM (f(…), g(…)) */
  #rows(at: number): number {
    const frame = this.#frame;
    const tokens = this.#tokens;
    if (!frame.expect || !tokens.is(at + 1, 'from') || !tokens.mark(at + 2, '(')) return this.#name(at);
    frame.expect = false;
    const inner = this.#push(new Frame('', true));
    inner.clause = inner.expect = true;
    return at + 3;
  }

  #as(at: number): number {
    const frame = this.#frame;
    if (frame.opener === 'cast' || frame.opener === 'xmlserialize') this.#type(at + 1);
    if (!frame.alias || !this.#tokens.mark(at + 1, '(')) return at + 1;
    frame.alias = false;
    this.#push(new Frame('columns'));
    return at + 2;
  }

  #into(at: number): number {
    const frame = this.#frame;
    let next = at + 1;
    this.#block('W03', 'into');
    for (; STORING.has(this.#tokens.text(next)); next++) {
      if (this.#tokens.text(next).startsWith('temp')) this.findings.pin ??= 'temporary-object';
    }
    frame.expect = frame.target = this.#tokens.named(next);
    frame.alias = false;
    return next;
  }

  #with(at: number): number {
    const recursive = this.#tokens.is(at + 1, 'recursive') && this.#tokens.named(at + 2);
    const body = this.#cte(recursive ? at + 2 : at + 1, recursive);
    if (body >= 0) return body;
    if (!this.#tokens.is(at + 1, 'ordinality')) this.#frame.alias = false;
    return at + 1;
  }

  /** Enters the query of a name in a WITH; -1 if none begins here. Without RECURSIVE it does not see itself. */
  #cte(at: number, recursive: boolean): number {
    const body = cteBody(this.#tokens, at);
    if (body < 0) return -1;
    const frame = this.#frame;
    const name = this.#tokens.text(at);
    frame.expect = false;
    frame.listing = true;
    frame.recursive = recursive;
    frame.names ??= new Set();
    if (recursive) frame.names.add(name);
    this.#push(new Frame('', false, name));
    return body;
  }

  #qualifiedOperator(at: number): number {
    this.#frame.alias = false;
    const end = builtinOperatorEnd(this.#tokens, at);
    if (end >= 0) return end;
    this.#note({ rule: 'W10', detail: 'operator', audit: true });
    return at + 1;
  }

  #name(at: number): number {
    const tokens = this.#tokens;
    const frame = this.#frame;
    const parts = partsOf(tokens, at);
    const [first = ''] = parts;
    const next = at + parts.length * 2 - 1;
    const opens = tokens.mark(next, '(');
    const word = parts.length === 1 && tokens.kind(at) === WORD;
    this.#alarms(parts, at);
    if (frame.expect) return this.#item(parts, next, opens && !frame.target, word);
    const alias = frame.alias && !(word && JOINING.has(first));
    frame.alias = false;
    if (alias) {
      if (opens) this.#push(new Frame('columns'));
      return opens ? next + 1 : next;
    }
    // In the columns behind an alias a name behind a name is its type.
    const behind = tokens.named(at - 1) && (tokens.mark(at - 2, '(') || tokens.mark(at - 2, ','));
    if (frame.opener === 'columns' && behind) this.#type(at);
    if (tokens.kind(next) === STRING && !(word && BEFORE_STRING.has(first))) this.#type(at);
    if (opens) return this.#call(parts, next, word, false);
    for (const part of parts.slice(1)) this.#note(this.#judge.attribute(part));
    return next;
  }

  /** Names that are not to be in a read wherever they stand. */
  #alarms(parts: readonly string[], at: number): void {
    for (const [index, part] of parts.entries()) {
      if (this.#judge.isDomain(part)) this.#note(this.#judge.type([part]));
      if (CHANGING.has(part) && this.#tokens.kind(at + index * 2) === WORD) this.#block('W01', part);
    }
  }

  /** An item of a FROM clause, or a table to write. */
  #item(parts: readonly string[], next: number, opens: boolean, word: boolean): number {
    const frame = this.#frame;
    const name = parts.at(-1) ?? '';
    const defined = parts.length === 1 && !frame.target && this.#isDefined(name);
    frame.expect = frame.target = false;
    if (opens) return this.#call(parts, next, word, true);
    frame.alias = true;
    if (defined) return next;
    const quiet = this.#judge.isQuiet(name);
    if (!quiet) this.findings.loud = true;
    const obstacle = this.#judge.relation(parts);
    this.#note(obstacle !== undefined && quiet ? { ...obstacle, audit: false } : obstacle);
    return next;
  }

  /** Has a WITH around it defined this name? */
  #isDefined(name: string): boolean {
    if (this.#frame.names?.has(name) === true) return true;
    return this.#frames.some((frame) => frame.names?.has(name) === true);
  }

  #call(parts: readonly string[], open: number, word: boolean, item: boolean): number {
    const name = parts.at(-1) ?? '';
    if (name === 'set_config' && !endsInTrue(this.#tokens, open)) this.findings.setting = true;
    this.#note(this.#judge.call(parts, word));
    this.#push(new Frame(word ? name : '', item));
    return open + 1;
  }

  #type(at: number): void {
    const from = this.#tokens.is(at, 'setof') ? at + 1 : at;
    this.#note(this.#judge.type(partsOf(this.#tokens, from)));
  }

  #punct(at: number, text: string): number {
    const frame = this.#frame;
    if (text === '(') this.#open(at);
    else if (text === ')') this.#close();
    else {
      frame.alias = false;
      if (text === ',') return this.#comma(at);
      if (text === '::') this.#type(at + 1);
    }
    return at + 1;
  }

  #open(at: number): void {
    const frame = this.#frame;
    const before = this.#tokens.kind(at - 1) === WORD && !frame.expect ? this.#tokens.text(at - 1) : '';
    const inner = this.#push(new Frame(before, frame.expect));
    inner.clause = inner.expect = frame.expect;
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
    if (this.#frame.expect) this.#block('W08', text);
    this.#frame.alias = false;
    if (text !== '=>' && !(text === '*' && isStar(this.#tokens, at))) this.#note(this.#judge.operator(text));
    return at + 1;
  }
}
