import type { TokenList } from './token-list.ts';
import { NUMBER, VARIABLE, WORD } from './tokens.ts';
import type { Question } from './wants.ts';

const FUNCTIONS: Readonly<Record<string, Question['about']>> = {
  row_count: 'row-count',
  found_rows: 'found-rows',
  connection_id: 'connection-id',
};

const VARIABLES: Readonly<Record<string, Question['about']>> = {
  '@@warning_count': 'warning-count',
  '@@session.warning_count': 'warning-count',
  '@@local.warning_count': 'warning-count',
  '@@error_count': 'error-count',
  '@@session.error_count': 'error-count',
  '@@local.error_count': 'error-count',
};

/** No LIMIT. */
const ALL = Number.MAX_SAFE_INTEGER;

/** SELECT of one thing that the session itself knows; undefined: it asks for more, or for something else. */
export function questionOf(tokens: TokenList, from: number, to: number): Question | undefined {
  if (!tokens.is(from, 'select')) return undefined;
  const text = tokens.text(from + 1);
  const asked = tokens.kind(from + 1) === VARIABLE ? VARIABLES : FUNCTIONS;
  const about = Object.hasOwn(asked, text) ? asked[text] : undefined;
  if (about === undefined) return undefined;
  let last = from + 1;
  if (tokens.kind(last) === WORD) {
    if (!tokens.mark(last + 1, '(') || !tokens.mark(last + 2, ')')) return undefined;
    last += 2;
  }
  const column = columnOf(tokens, from + 1, last, to);
  return column === undefined ? undefined : { about, column, offset: 0, limit: ALL };
}

/** The name of the column: its alias, or its text. */
function columnOf(tokens: TokenList, first: number, last: number, to: number): string | undefined {
  if (last + 1 === to) return tokens.written(first, last);
  const alias = tokens.is(last + 1, 'as') ? last + 2 : last + 1;
  if (alias + 1 !== to) return undefined;
  return tokens.named(alias) ? tokens.name(alias) : tokens.constant(alias);
}

/** SHOW WARNINGS | ERRORS [LIMIT [offset,] count], SHOW COUNT(*) WARNINGS | ERRORS. */
export function warningsOf(tokens: TokenList, from: number, to: number): Question | undefined {
  const counts = tokens.is(from + 1, 'count');
  if (
    counts &&
    !(tokens.mark(from + 2, '(') && tokens.operator(from + 3, '*') && tokens.mark(from + 4, ')'))
  ) {
    return undefined;
  }
  const at = counts ? from + 5 : from + 1;
  const errors = tokens.is(at, 'errors');
  if (!errors && !tokens.is(at, 'warnings')) return undefined;
  if (counts) {
    const about = errors ? 'error-count' : 'warning-count';
    return at + 1 === to
      ? { about, column: `@@session.${about.replace('-', '_')}`, offset: 0, limit: ALL }
      : undefined;
  }
  const about = errors ? 'errors' : 'warnings';
  if (at + 1 === to) return { about, column: '', offset: 0, limit: ALL };
  const first = tokens.is(at + 1, 'limit') ? wholeNumber(tokens, at + 2) : undefined;
  if (first === undefined) return undefined;
  if (at + 3 === to) return { about, column: '', offset: 0, limit: first };
  const second = at + 5 === to ? wholeNumber(tokens, at + 4) : undefined;
  if (second === undefined) return undefined;
  if (tokens.mark(at + 3, ',')) return { about, column: '', offset: first, limit: second };
  return tokens.is(at + 3, 'offset') ? { about, column: '', offset: second, limit: first } : undefined;
}

function wholeNumber(tokens: TokenList, at: number): number | undefined {
  const text = tokens.kind(at) === NUMBER ? tokens.text(at) : '';
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
