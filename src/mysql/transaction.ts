import type { TokenList } from './token-list.ts';
import type { NextTransaction } from './wants.ts';

/** Is READ ONLY among the modes of START TRANSACTION? Undefined: a mode is not known. */
export function startModes(
  tokens: TokenList,
  from: number,
  to: number,
): { readonly readOnly: boolean } | undefined {
  let readOnly: boolean | undefined;
  for (let at = from; at < to; ) {
    const second = tokens.text(at + 1);
    if (tokens.is(at, 'read') && (second === 'only' || second === 'write')) {
      if (readOnly !== undefined) return undefined;
      readOnly = second === 'only';
      at += 2;
    } else if (tokens.is(at, 'with') && second === 'consistent' && tokens.is(at + 2, 'snapshot')) at += 3;
    else return undefined;
    if (at < to && !(tokens.mark(at, ',') && at + 1 < to)) return undefined;
    at++;
  }
  return { readOnly: readOnly === true };
}

/** The modes of SET TRANSACTION; undefined: one of them is not known. */
export function setModes(tokens: TokenList, from: number, to: number): NextTransaction | undefined {
  let readOnly: boolean | undefined;
  let serializable: boolean | undefined;
  if (from >= to) return undefined;
  for (let at = from; at < to; ) {
    const second = tokens.text(at + 1);
    if (tokens.is(at, 'read') && (second === 'only' || second === 'write')) {
      readOnly = second === 'only';
      at += 2;
    } else {
      const size = tokens.is(at, 'isolation') && second === 'level' ? levelLength(tokens, at + 2) : 0;
      if (size === 0) return undefined;
      serializable = tokens.is(at + 2, 'serializable');
      at += 2 + size;
    }
    if (at < to && !(tokens.mark(at, ',') && at + 1 < to)) return undefined;
    at++;
  }
  return { readOnly, serializable };
}

function levelLength(tokens: TokenList, at: number): number {
  if (tokens.is(at, 'serializable')) return 1;
  const level = `${tokens.text(at)} ${tokens.text(at + 1)}`;
  return ['repeatable read', 'read committed', 'read uncommitted'].includes(level) ? 2 : 0;
}

/** What a COMMIT or ROLLBACK does besides ending the transaction. */
export function endForm(tokens: TokenList, from: number, to: number): 'end' | 'savepoint' | 'other' {
  let at = from + 1;
  if (tokens.is(at, 'work')) at++;
  if (at < to && tokens.is(at, 'to') && tokens.is(from, 'rollback')) return 'savepoint';
  if (tokens.is(at, 'and') && tokens.is(at + 1, 'no') && tokens.is(at + 2, 'chain')) at += 3;
  if (tokens.is(at, 'no') && tokens.is(at + 1, 'release')) at += 2;
  return at === to ? 'end' : 'other';
}
