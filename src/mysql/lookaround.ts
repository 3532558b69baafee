import type { TokenList } from './token-list.ts';

/** The parts of a qualified name that begins at `at`, in lower case if not quoted. It takes 2n − 1 tokens. */
export function partsOf(tokens: TokenList, at: number): string[] {
  const parts: string[] = [];
  for (let next = at; tokens.named(next); next += 2) {
    parts.push(tokens.text(next));
    if (!tokens.mark(next + 1, '.')) break;
  }
  return parts;
}

/** The same as it is written. */
export const writtenParts = (tokens: TokenList, at: number, parts: readonly string[]): string[] =>
  parts.map((_, index) => tokens.name(at + index * 2));

/** Where the query of `name [(columns)] AS (` begins; -1 if none does. */
export function cteBody(tokens: TokenList, at: number): number {
  if (!tokens.named(at)) return -1;
  let next = at + 1;
  if (tokens.mark(next, '(')) next = tokens.closing(next) + 1;
  if (next === 0 || !tokens.is(next, 'as')) return -1;
  return tokens.mark(next + 1, '(') ? next + 2 : -1;
}

/** A system variable as it is asked for or set. */
export interface SystemVariable {
  /** In lower case; '' if none was named. */
  readonly scope: string;
  readonly name: string;
  /** Behind it. */
  readonly next: number;
}

const SCOPES = new Set(['global', 'session', 'local', 'persist', 'persist_only']);

/** The system variable of the token at `at`, which begins with two @; parts of it may be quoted. */
export function systemVariable(tokens: TokenList, at: number): SystemVariable {
  const parts = tokens
    .text(at)
    .slice(2)
    .split('.')
    .filter((part) => part !== '');
  let next = at + 1;
  if (parts.length === 0 && tokens.named(next)) parts.push(tokens.text(next++).toLowerCase());
  while (tokens.mark(next, '.') && tokens.named(next + 1)) {
    parts.push(tokens.text(next + 1).toLowerCase());
    next += 2;
  }
  const scope = parts.length > 1 && SCOPES.has(parts[0] ?? '') ? (parts.shift() ?? '') : '';
  return { scope, name: parts.join('.'), next };
}
