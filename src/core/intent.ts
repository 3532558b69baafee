import type { Cost } from './cost.ts';
import type { SettingChange } from './settings.ts';

/**
 * What a unit wants.
 * - `read`: proven a single plain read: any replica may answer it, and it may be sent again.
 * - `write`: everything that changes data, or is not proven to be a read.
 * - `begin`, `end`: opens or ends a transaction and does nothing else.
 * - `session`: about the session or its running transaction (SET, SHOW, SAVEPOINT, FETCH): runs wherever
 *   the session is, and is never a cause to leave a replica.
 */
export type IntentKind = 'read' | 'write' | 'begin' | 'end' | 'session';

/** Server state that cannot be carried to another link. The session keeps its link while it lasts. */
export type PinReason =
  | 'prepared-statement'
  | 'user-variable'
  | 'table-lock'
  /** The server reported a change of state and not which. */
  | 'session-state'
  | 'unnamed-statement'
  | 'temporary-object'
  | 'advisory-lock'
  | 'listen'
  | 'cursor'
  | 'session-setting'
  | 'session-pooling'
  | 'loaded-library'
  | 'two-phase'
  | 'streamed-text'
  /** The server could not be asked what was left; it is asked again after the next unit. */
  | 'not-audited';

/** Which rule decided; stable, documented in docs/routing.md, the label of the routing metric. */
export type Rule = string;

export interface Intent {
  readonly kind: IntentKind;
  readonly because: Rule;
  /** The word or name that decided, for `explain`; '' if none. */
  readonly detail: string;
  /** A hint in a leading comment; it can send a write nowhere but to the primary. */
  readonly hint: Hint | undefined;
  /** A transaction that is opened by this unit. */
  readonly begin: Begin | undefined;
  /** Settings that hold for the session if the unit succeeds. */
  readonly settings: readonly SettingChange[];
  /** Settings it may give values that only the server can tell; with `audit`. */
  readonly asked?: readonly string[];
  /** It asks for what an earlier statement of the session did on the same link. */
  readonly looksBack?: boolean;
  /** State that this unit certainly leaves behind on its link. */
  readonly pin: PinReason | undefined;
  /** State that it may leave behind if it fails: its answer then tells nothing of it. */
  readonly failurePin?: PinReason;
  /** If it succeeds nothing is left of the state behind this pin. */
  readonly unpin?: PinReason;
  /** If it succeeds the session is as it was after its log-in, but for `settings`. */
  readonly resets?: boolean;
  /** It ends another session, or what that one runs. Answered here. */
  readonly strikes?: Strike;
  /** It may leave or release state that only the server can tell: ask before the link is released. */
  readonly audit: boolean;
  /**
   * What it has cost so far, of one plain read whose form is known and whose answer depends on nothing but the data and
   * the settings of its session: it may share a server connection once it is known to be short.
   */
  readonly cost?: Cost;
  /** Why it has no `cost`, of a unit whose form is known. */
  readonly alone?: Alone;
  /** It is about something that only the proxy knows: answered by `supply`, never sent. */
  readonly here: boolean;
  /** `missed`: names in it were unknown. `changed`: it changes what names mean. The catalogue is read again then. */
  readonly names: 'known' | 'missed' | 'changed';
}

/**
 * Why a unit never shares a server connection: it is no read; names in it are unknown; it may leave state behind; it
 * opens a transaction; it is several statements; its answer tells sessions or server connections apart; it asks for what
 * an earlier statement did; something is asked behind it.
 */
export type Alone =
  | 'no-read'
  | 'unknown-names'
  | 'leaves-state'
  | 'begins'
  | 'several'
  | 'tells-apart'
  | 'looks-back'
  | 'asked-behind';

export interface Begin {
  readonly readOnly: boolean;
  /** The unit is nothing but this BEGIN, so it may be answered by the proxy and sent later. */
  readonly alone: boolean;
  /** SERIALIZABLE: stays on the primary. */
  readonly serializable: boolean;
}

export type Hint =
  | { readonly to: 'primary' }
  | { readonly to: 'replica' }
  | { readonly to: 'node'; readonly node: string };

/** A session to be struck, by the number that clients know it by. */
export interface Strike {
  readonly session: number;
  /** `statement`: only what it runs. */
  readonly what: 'statement' | 'session';
}
