import type { Intent, IntentKind } from '../core/intent.ts';
import { plainIntent } from '../core/plain-intent.ts';

/** Rules about requests as the protocol frames them, beside those about texts (rules.ts). */
export const UNIT_RULES = {
  F01: 'it calls a function by the function call protocol',
  P00: 'it prepares or describes a read, and runs nothing',
  P01: 'it prepares or describes something else, and runs nothing',
  P02: 'it runs a statement that was prepared where the proxy could not see it',
  P03: 'it closes a statement that was prepared where the proxy could not see it',
  P04: 'it deallocates a statement that only the proxy knows: answered by the proxy',
  P05: 'it prepares what a server has accepted before: answered by the proxy',
  S00: 'it is a Sync, or about a portal of the running transaction',
  U04: 'it is larger than the limit, or comes in pieces (Flush): passed on as it streams by, unread',
} as const;

/** An intent of a request that is judged without its text. */
export const unitIntent = (
  kind: IntentKind,
  because: keyof typeof UNIT_RULES,
  detail: string,
  more: Partial<Intent> = {},
): Intent => plainIntent(kind, because, detail, more);
