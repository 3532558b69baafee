import type { PinReason } from '../core/intent.ts';
import { LOCKING } from './builtins.ts';
import type { NameFacts } from './names.ts';
import type { TokenList } from './token-list.ts';
import { VARIABLE } from './tokens.ts';
import type { MysqlIntent } from './wants.ts';

/** Pins that the server's trackers tell of as well. */
const TRACKED: ReadonlySet<PinReason> = new Set(['user-variable', 'temporary-object', 'prepared-statement']);

/** Of two pins the one that nobody else would find out. */
export function stronger(one: PinReason | undefined, other: PinReason | undefined): PinReason | undefined {
  if (one === undefined || (TRACKED.has(one) && other !== undefined)) return other;
  return one;
}

/** What a statement whose grammar is not followed may leave in the session, by the calls and variables in it. */
export function tracesOf(
  tokens: TokenList,
  from: number,
  to: number,
  facts: NameFacts,
): Pick<MysqlIntent, 'pin' | 'insertId' | 'looksBack'> {
  let pin: PinReason | undefined;
  let insertId = false;
  let looksBack = false;
  for (let at = from; at < to; at++) {
    if (tokens.kind(at) === VARIABLE && !tokens.text(at).startsWith('@@'))
      pin = stronger(pin, 'user-variable');
    if (!tokens.named(at) || !tokens.mark(at + 1, '(')) continue;
    const name = tokens.text(at).toLowerCase();
    if (name === 'found_rows' || name === 'row_count') looksBack = true;
    if (name !== 'last_insert_id') pin = stronger(lockOf(name, facts), pin);
    else if (tokens.mark(at + 2, ')')) insertId = true;
    else pin = stronger('session-state', pin);
  }
  return { pin, insertId, ...(looksBack ? { looksBack } : {}) };
}

/** Does it name a table whose triggers leave something behind that no tracker tells of? */
export function firedBy(
  tokens: TokenList,
  from: number,
  to: number,
  { catalogue }: NameFacts,
): PinReason | undefined {
  if (catalogue?.firesAny !== true) return undefined;
  for (let at = from; at < to; at++) {
    if (tokens.named(at) && catalogue.fires(tokens.text(at).toLowerCase())) return 'advisory-lock';
  }
  return undefined;
}

function lockOf(name: string, { catalogue }: NameFacts): PinReason | undefined {
  if (name === 'get_lock') return 'advisory-lock';
  if (LOCKING.has(name)) return 'session-state';
  const stored = catalogue?.hasFunction(name) === true && catalogue.routinesLock;
  return stored ? 'advisory-lock' : undefined;
}
