import type { Clock } from '../core/clock.ts';
import type { Counters } from '../core/counters.ts';
import type { ProxyError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { FunctionLists } from '../core/function-lists.ts';
import type { Strike } from '../core/intent.ts';
import type { NodeId } from '../core/node.ts';
import type { Signal, View } from '../core/view.ts';
import type { Login, Unit, Wire } from '../core/wire.ts';
import type { Holds } from '../hold/holds.ts';
import type { Account, Accounts } from '../pool/accounts.ts';
import type { Level, RouteRules } from '../routing/route.ts';
import type { Session } from './session.ts';

/** `transaction`: a link is leased for a transaction. `session`: for the life of the session. */
export type PoolMode = 'transaction' | 'session';

/** What all sessions of one cluster share. */
export interface Realm {
  readonly wire: Wire;
  readonly clock: Clock;
  readonly accounts: Accounts;
  readonly holds: Holds;
  /** The world as last said by the control plane. */
  readonly view: View;
  readonly rules: RouteRules;
  readonly level: Level;
  readonly functions: FunctionLists;
  readonly counters: Counters;
  readonly emit: Emit;
  mode(user: string): PoolMode;
  /** Plain reads of a session may share links with those of others. */
  shares(login: Pick<Login, 'user' | 'database'>): boolean;
  signal(signal: Signal): void;
  /**
   * Ends a session, or cancels what it runs, in the name of another. The error says why not. `asked`: another process
   * has it; `answered` is called within a bound, and the same question then has its answer.
   */
  strike(by: Session, strike: Strike, answered: () => void): ProxyError | 'asked' | undefined;
  /** The client of a session that is over logs in again on its connection. */
  logInAnew(login: Login, unit: Unit, id: number): void;
  /** Names of a database were unknown, or have changed. */
  stale(account: Account, how: 'missed' | 'changed'): void;
  /** Sessions that read from a replica are counted there, so that new ones spread. */
  settled(node: NodeId, by: 1 | -1): void;
}
