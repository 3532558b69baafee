import type { TokenList } from './token-list.ts';

export interface Modes {
  readonly readOnly: boolean;
  readonly serializable: boolean;
}

/** The modes of BEGIN or START TRANSACTION from `from` to `to`; undefined: one of them is not known. */
export function transactionModes(tokens: TokenList, from: number, to: number): Modes | undefined {
  let readOnly: boolean | undefined;
  let serializable = false;
  for (let at = from; at < to; ) {
    const size = modeLength(tokens, at);
    if (size === 0) return undefined;
    if (tokens.is(at, 'read')) readOnly = readOnly !== false && tokens.is(at + 1, 'only');
    if (tokens.is(at, 'isolation') && tokens.is(at + 2, 'serializable')) serializable = true;
    at += size;
    if (tokens.mark(at, ',') && at + 1 < to) at++;
  }
  return { readOnly: readOnly === true, serializable };
}

/** How many tokens the mode at `at` has; 0: it is none. */
function modeLength(tokens: TokenList, at: number): number {
  const second = tokens.text(at + 1);
  if (tokens.is(at, 'read')) return second === 'only' || second === 'write' ? 2 : 0;
  if (tokens.is(at, 'deferrable')) return 1;
  if (tokens.is(at, 'not')) return second === 'deferrable' ? 2 : 0;
  if (!tokens.is(at, 'isolation') || second !== 'level') return 0;
  if (tokens.is(at + 2, 'serializable')) return 3;
  const level = `${tokens.text(at + 2)} ${tokens.text(at + 3)}`;
  return ['repeatable read', 'read committed', 'read uncommitted'].includes(level) ? 4 : 0;
}

/** Where the word behind BEGIN, COMMIT, … [WORK | TRANSACTION] stands. */
export function afterNoise(tokens: TokenList, at: number): number {
  return tokens.is(at, 'work') || tokens.is(at, 'transaction') ? at + 1 : at;
}

/** What a COMMIT, END, ROLLBACK or ABORT does besides ending the transaction. */
export function endForm(tokens: TokenList, from: number, to: number): 'end' | 'savepoint' | 'other' {
  const at = afterNoise(tokens, from + 1);
  if (at === to) return 'end';
  if (tokens.is(at, 'to') && tokens.is(from, 'rollback')) return 'savepoint';
  const unchained = tokens.is(at, 'and') && tokens.is(at + 1, 'no') && tokens.is(at + 2, 'chain');
  return unchained && at + 3 === to ? 'end' : 'other';
}
