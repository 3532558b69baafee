import type { TokenList } from './token-list.ts';
import { OPERATOR, PUNCT, WORD } from './tokens.ts';
import { RESERVED } from './words.ts';

/** The parts of a qualified name that begins at `at`; none if no name does. It takes 2n − 1 tokens. */
export function partsOf(tokens: TokenList, at: number): string[] {
  const parts: string[] = [];
  for (let next = at; tokens.named(next); next += 2) {
    parts.push(tokens.text(next));
    if (!tokens.mark(next + 1, '.')) break;
  }
  return parts;
}

/** Is this FROM the one of IS [NOT] DISTINCT FROM? */
export function isDistinctFrom(tokens: TokenList, at: number): boolean {
  if (!tokens.is(at - 1, 'distinct')) return false;
  return tokens.is(at - 2, 'is') || (tokens.is(at - 2, 'not') && tokens.is(at - 3, 'is'));
}

/** The lock that FOR at `at` asks for; '' if it is another FOR. */
export function rowLock(tokens: TokenList, at: number): string {
  if (tokens.is(at + 1, 'update') || tokens.is(at + 1, 'share')) return `for ${tokens.text(at + 1)}`;
  if (tokens.is(at + 1, 'no') && tokens.is(at + 2, 'key')) return 'for no key update';
  return tokens.is(at + 1, 'key') && tokens.is(at + 2, 'share') ? 'for key share' : '';
}

/** Where the query of `name [(columns)] AS [[NOT] MATERIALIZED] (` begins; -1 if none does. */
export function cteBody(tokens: TokenList, at: number): number {
  if (!tokens.named(at)) return -1;
  let next = at + 1;
  if (tokens.mark(next, '(')) next = tokens.closing(next) + 1;
  if (next === 0 || !tokens.is(next, 'as')) return -1;
  next++;
  if (tokens.is(next, 'not')) next++;
  if (tokens.is(next, 'materialized')) next++;
  return tokens.mark(next, '(') ? next + 1 : -1;
}

/** Is the last argument in this parenthesis `true`? Then set_config ends with the transaction. */
export function endsInTrue(tokens: TokenList, open: number): boolean {
  const close = tokens.closing(open);
  return close > open && tokens.is(close - 1, 'true') && tokens.mark(close - 2, ',');
}

/** Does `*` at `at` mean all columns, or all rows, and not a product? */
export function isStar(tokens: TokenList, at: number): boolean {
  const before = at - 1;
  if (tokens.kind(before) === WORD) return RESERVED.has(tokens.text(before));
  if (tokens.kind(before) === PUNCT) return !tokens.mark(before, ')') && !tokens.mark(before, ']');
  return tokens.kind(before) === OPERATOR;
}

/** Where OPERATOR(pg_catalog.+) ends; -1 if it names another schema. */
export function builtinOperatorEnd(tokens: TokenList, at: number): number {
  const own = tokens.is(at + 2, 'pg_catalog') && tokens.mark(at + 3, '.');
  return own && tokens.mark(at + 5, ')') ? at + 6 : -1;
}
