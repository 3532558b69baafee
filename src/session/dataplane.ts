import type { Channel } from '../core/channel.ts';
import type { Clock } from '../core/clock.ts';
import type { Counters } from '../core/counters.ts';
import type { ProxyError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { FunctionLists } from '../core/function-lists.ts';
import type { Strike } from '../core/intent.ts';
import type { NodeId } from '../core/node.ts';
import { type Ack, emptyView, type Signal, type View } from '../core/view.ts';
import type { Login, SessionKey, Unit, Wire } from '../core/wire.ts';
import { type HoldLimits, Holds } from '../hold/holds.ts';
import { type Account, Accounts, type AccountsOptions } from '../pool/accounts.ts';
import type { Level, RouteRules } from '../routing/route.ts';
import { Entrance, type EntranceOptions } from './entrance.ts';
import type { PoolMode, Realm } from './realm.ts';
import { type Others, Register } from './register.ts';
import type { Session } from './session.ts';
import { shuttingDown } from './welcome.ts';

export interface DataPlaneOptions extends EntranceOptions {
  readonly wire: Wire;
  readonly clock: Clock;
  readonly limits: AccountsOptions['limits'];
  readonly target: AccountsOptions['target'];
  readonly holds: HoldLimits;
  readonly rules: Omit<RouteRules, 'load'>;
  readonly level: Level;
  readonly functions: FunctionLists;
  readonly counters: Counters;
  readonly emit: Emit;
  readonly mode: (user: string) => PoolMode;
  readonly shares: Realm['shares'];
  readonly signal: (signal: Signal) => void;
  readonly stale: (account: Account, how: 'missed' | 'changed') => void;
  /** Left out: no other process serves sessions of this cluster. */
  readonly others?: Others;
}

/**
 * The data plane of one cluster: its sessions, links and held requests. Obeys the view of the control plane and
 * never waits for it.
 */
export class DataPlane implements Realm {
  readonly wire: Wire;
  readonly clock: Clock;
  readonly accounts: Accounts;
  readonly holds: Holds;
  readonly rules: RouteRules;
  readonly level: Level;
  readonly functions: FunctionLists;
  readonly counters: Counters;
  readonly emit: Emit;
  view: View = emptyView;
  readonly #options: DataPlaneOptions;
  readonly #register: Register;
  readonly #entrance: Entrance;
  /** Sessions that read from each replica. */
  readonly #readers = new Map<NodeId, number>();

  constructor(options: DataPlaneOptions) {
    this.#options = options;
    this.wire = options.wire;
    this.clock = options.clock;
    this.level = options.level;
    this.functions = options.functions;
    this.counters = options.counters;
    this.emit = options.emit;
    this.holds = new Holds(options.holds, options.clock, options.emit);
    this.rules = { ...options.rules, load: (node) => this.#load(node) };
    this.#register = new Register(options.others);
    this.#entrance = new Entrance(this, this.#register, options);
    this.accounts = new Accounts({
      wire: options.wire,
      clock: options.clock,
      limits: options.limits,
      target: options.target,
      counters: options.counters,
      events: {
        opened: (node, ms) => this.emit({ kind: 'link-opened', node, ms }),
        closed: (node, reason) => this.emit({ kind: 'link-closed', node, reason }),
        connectFailed: (node, error) => this.#connectFailed(node, error),
        signal: (node, kind) => this.signal({ kind, node }),
      },
    });
  }

  get sessions(): Iterable<Session> {
    return this.#register.sessions;
  }

  /** Brings the counters of what is now up to date, for a scrape. */
  count(): void {
    this.counters.heldNow = this.holds.count;
    this.counters.heldBytesNow = this.holds.bytes;
    for (const node of this.counters.nodes) {
      node.busyNow = this.accounts.busy(node.node);
      node.openingNow = this.accounts.opening(node.node);
      node.waitingNow = this.accounts.waiting(node.node);
      node.lanesNow = this.accounts.lanes(node.node);
      node.laneOwedNow = this.accounts.laneOwed(node.node);
    }
  }

  mode(user: string): PoolMode {
    return this.#options.mode(user);
  }

  shares(login: Pick<Login, 'user' | 'database'>): boolean {
    return this.#options.shares(login);
  }

  signal(signal: Signal): void {
    this.#options.signal(signal);
  }

  stale(account: Account, how: 'missed' | 'changed'): void {
    this.#options.stale(account, how);
  }

  settled(node: NodeId, by: 1 | -1): void {
    this.#readers.set(node, (this.#readers.get(node) ?? 0) + by);
  }

  // ------------------------------------------------------------ clients

  /** Takes a fresh client. Never rejects. */
  admit(channel: Channel): Promise<void> {
    return this.#entrance.admit(channel);
  }

  logInAnew(login: Login, unit: Unit, id: number): void {
    this.#entrance.logInAnew(login, unit, id);
  }

  /** A client over the limit: told so if it can listen, then closed. */
  refuse(channel: Channel, error: ProxyError): void {
    this.#entrance.refuse(channel, error);
  }

  strike(by: Session, strike: Strike, answered: () => void): ProxyError | 'asked' | undefined {
    return this.#register.strike(by, strike, answered);
  }

  /** Strikes a session of this process in the name of a user. The error says why not. */
  strikeFor(user: string, strike: Strike): ProxyError | undefined {
    return this.#register.strikeFor(user, strike);
  }

  /** Cancels what a session of this process runs, if the secret is right. */
  cancel(key: SessionKey): void {
    this.#register.cancel(key);
  }

  // ------------------------------------------------------------ the view

  /**
   * Obeys a view. When this returns, no link is left to a node whose links it closed, and what was in flight
   * there has been reported to its clients.
   */
  apply(view: View): Ack {
    const previous = this.view;
    this.view = view;
    const before = this.#inFlight(view);
    const closed: NodeId[] = [];
    for (const node of view.nodes) {
      if (node.links) continue;
      this.accounts.closeNode(node.id, node.reason);
      closed.push(node.id);
    }
    this.accounts.applied(view, previous);
    this.#entrance.told(versionIn(view));
    if (mayServe(view, previous)) this.holds.release();
    return { epoch: view.epoch, version: view.version, closed, unknown: before };
  }

  /** Links in use on nodes that the view closes. */
  #inFlight(view: View): number {
    let count = 0;
    for (const node of view.nodes) if (!node.links) count += this.accounts.busy(node.id);
    return count;
  }

  /** Those who still wait for a connection count: many may come before the first one is open. */
  #load(node: NodeId): number {
    const { accounts } = this;
    const asked = accounts.busy(node) + accounts.waiting(node) + accounts.laneOwed(node);
    return asked + (this.#readers.get(node) ?? 0);
  }

  #connectFailed(node: NodeId, error: ProxyError): void {
    this.emit({ kind: 'link-failed', node, code: error.code, message: error.message });
    if (error.code === 'CONNECT_FAILED')
      this.signal({ kind: 'connect-failed', node, failure: 'unreachable' });
  }

  /** Ends all sessions and links. */
  close(): void {
    this.#entrance.close();
    for (const session of [...this.sessions]) session.die(shuttingDown());
    this.holds.close();
    this.accounts.close();
  }
}

/** The primary's version, or any node's; '' while none has been seen. */
function versionIn({ nodes, primary }: View): string {
  const first = nodes.find(({ id }) => id === primary) ?? nodes.find(({ version }) => version !== '');
  return first?.version ?? '';
}

/** Whether what waits for a node may find one now: every observation makes a view, most say nothing new. */
function mayServe(view: View, previous: View): boolean {
  if (view.primary !== null) return true;
  const up = ({ nodes }: View): string => nodes.map(({ id, state }) => `${id} ${state}`).join();
  return up(view) !== up(previous);
}
