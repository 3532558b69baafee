import { intent } from './combine.ts';
import type { NameFacts } from './names.ts';
import type { TokenList } from './token-list.ts';
import { firedBy, stronger, tracesOf } from './traces.ts';
import type { MysqlIntent } from './wants.ts';

/** One statement: the tokens from `from` to `to`, at least one. */
export interface Statement {
  readonly tokens: TokenList;
  readonly from: number;
  readonly to: number;
  readonly facts: NameFacts;
}

/** A statement that is no read; its tokens are looked at for what it leaves in the session. */
export function other(
  { tokens, from, to, facts }: Statement,
  more: Partial<MysqlIntent> = {},
  because: 'W04' | 'W13' | 'W16' = 'W04',
): MysqlIntent {
  const seen = tracesOf(tokens, from + 1, to, facts);
  const pin = stronger(firedBy(tokens, from + 1, to, facts) ?? seen.pin, more.pin);
  return intent('write', because, tokens.text(from), { ...seen, ...more, pin });
}
