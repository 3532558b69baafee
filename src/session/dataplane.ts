import { timingSafeEqual } from 'node:crypto';
import type { Catalogue } from '../core/catalogue.ts';
import type { Channel } from '../core/channel.ts';
import type { Clock } from '../core/clock.ts';
import type { Counters } from '../core/counters.ts';
import { asProxyError, ProxyError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { FunctionLists } from '../core/function-lists.ts';
import type { Strike } from '../core/intent.ts';
import type { NodeId } from '../core/node.ts';
import { type Ack, emptyView, type Signal, type View } from '../core/view.ts';
import type { Accepted, Gate, Login, SessionKey, Unit, Wire } from '../core/wire.ts';
import { type HoldLimits, Holds } from '../hold/holds.ts';
import { randomPiece } from '../net/random.ts';
import { type Account, Accounts, type AccountsOptions } from '../pool/accounts.ts';
import type { Level, RouteRules } from '../routing/route.ts';
import { noSuchSession, notYours } from './complaints.ts';
import type { PoolMode, Realm } from './realm.ts';
import { Session } from './session.ts';
import { greetingFor, shuttingDown } from './welcome.ts';

export interface DataPlaneOptions {
  readonly wire: Wire;
  readonly clock: Clock;
  readonly gate: Omit<Gate, 'version'>;
  /** A client that has not come through start-up by then is closed, in ms. */
  readonly startupTimeoutMs: number;
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
  /** A session of this account begins: gives what is known of its database's names, and sees that more will be. */
  readonly needs: (account: Account) => Catalogue | undefined;
  readonly stale: (account: Account, how: 'missed' | 'changed') => void;
  /** Left out: no other process serves sessions of this cluster. */
  readonly others?: Others;
}

/** Other processes that serve sessions of the same cluster: a session's number says whose it is. */
export interface Others {
  /** This one's place among `workers`: 0, 1, …. */
  readonly slot: number;
  readonly workers: number;
  cancel(key: SessionKey): void;
  /** Strikes in the name of a user; `answered` is called once, within a bound, with why it was refused. */
  strike(user: string, strike: Strike, answered: (refused: ProxyError | undefined) => void): void;
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
  readonly #sessions = new Map<number, Session>();
  /** Sessions that read from each replica. */
  readonly #readers = new Map<NodeId, number>();
  /** Channels that are still in their start-up. */
  readonly #arriving = new Map<Channel, number>();
  /** Clients that wait for the version of the servers. */
  readonly #curious: ((version: string) => void)[] = [];
  /** What other processes said to the last strike of a session. */
  readonly #struck = new WeakMap<Session, { refused: ProxyError | undefined }>();
  readonly #gate: Gate;
  #lastId: number;
  #closing = false;

  constructor(options: DataPlaneOptions) {
    this.#options = options;
    const { slot, workers } = this.#place;
    this.#lastId = slot + 1 - workers;
    this.#gate = { ...options.gate, version: () => this.#version() };
    this.wire = options.wire;
    this.clock = options.clock;
    this.level = options.level;
    this.functions = options.functions;
    this.counters = options.counters;
    this.emit = options.emit;
    this.holds = new Holds(options.holds, options.clock, options.emit);
    this.rules = { ...options.rules, load: (node) => this.#load(node) };
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
    return this.#sessions.values();
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
    const id = this.#newId();
    return this.#admit(channel, id, this.wire.accept(channel, this.#gate, id));
  }

  logInAnew(login: Login, unit: Unit, id: number): void {
    void this.#admit(login.channel, id, this.wire.reaccept(login, unit, this.#gate));
  }

  async #admit(channel: Channel, id: number, accepting: Promise<Accepted>): Promise<void> {
    if (this.#closing) channel.destroy();
    this.#arriving.set(channel, id);
    const address = channel.remoteAddress;
    const deadline = this.clock.after(this.#options.startupTimeoutMs, () => {
      this.#refused('STARTUP_TIMEOUT', `no start-up within ${this.#options.startupTimeoutMs} ms`, address);
      channel.destroy();
    });
    try {
      const accepted = await accepting;
      deadline.cancel();
      if (accepted.kind === 'session') await this.#open(accepted.login, id);
      else if (accepted.kind === 'cancel') {
        if (this.#isOurs(accepted.key.id)) this.cancel(accepted.key);
        else this.#options.others?.cancel(accepted.key);
        channel.end();
      }
    } catch (thrown) {
      const error = asProxyError(thrown, 'PROTOCOL', 'client');
      this.#refused(error.code, error.message, address);
    } finally {
      deadline.cancel();
      this.#arriving.delete(channel);
    }
  }

  /** A client over the limit: told so if it can listen, then closed. */
  refuse(channel: Channel, error: ProxyError): void {
    this.#refused(error.code, error.message, channel.remoteAddress);
    this.wire.refuse(channel, error);
  }

  async #open(login: Login, id: number): Promise<void> {
    const { channel, user, database } = login;
    const account = this.accounts.enter(user, login.links);
    try {
      if (login.replication) throw noReplication();
      const greeting = await greetingFor(this, account, login.settings);
      if (this.#closing) throw shuttingDown();
      if (channel.closed) throw goneAtStartup();
      account.catalogue = this.#options.needs(account);
      const key = { id, secret: randomPiece(login.secretLength) };
      const session = new Session(this, login, key, account, greeting, this.#ended);
      this.#sessions.set(key.id, session);
      this.counters.clientsNow++;
      this.emit({ kind: 'client-connected', user, database });
      this.wire.greet(login, greeting, key);
      channel.attach(session);
    } catch (thrown) {
      this.accounts.leave(account);
      const error = asProxyError(thrown, 'CONNECT_FAILED', 'server');
      this.refuse(channel, error);
    }
  }

  /** One function for all sessions: an idle one costs none. */
  readonly #ended = (session: Session): void => {
    this.#sessions.delete(session.key.id);
    this.counters.clientsNow--;
    this.accounts.leave(session.account);
  };

  /** A number no other session has. */
  #newId(): number {
    const { slot, workers } = this.#place;
    do {
      this.#lastId = this.#lastId + workers > 0x7fff_ffff ? slot + 1 : this.#lastId + workers;
    } while (this.#sessions.has(this.#lastId));
    return this.#lastId;
  }

  get #place(): Pick<Others, 'slot' | 'workers'> {
    return this.#options.others ?? ALONE;
  }

  #isOurs(id: number): boolean {
    const { slot, workers } = this.#place;
    return (id - 1) % workers === slot;
  }

  /** What the servers say their version is, when one has been seen. */
  #version(): Promise<string> {
    const seen = versionIn(this.view);
    return seen === '' ? new Promise((resolve) => this.#curious.push(resolve)) : Promise.resolve(seen);
  }

  strike(by: Session, strike: Strike, answered: () => void): ProxyError | 'asked' | undefined {
    const { others } = this.#options;
    const { user } = by.login;
    if (others === undefined || this.#isOurs(strike.session)) return this.strikeFor(user, strike);
    const answer = this.#struck.get(by);
    if (answer !== undefined) {
      this.#struck.delete(by);
      return answer.refused;
    }
    others.strike(user, strike, (refused) => {
      this.#struck.set(by, { refused });
      answered();
    });
    return 'asked';
  }

  /** Strikes a session of this process in the name of a user. The error says why not. */
  strikeFor(user: string, { session: id, what }: Strike): ProxyError | undefined {
    const struck = this.#sessions.get(id);
    if (struck === undefined) return noSuchSession(id);
    if (struck.login.user !== user) return notYours(id);
    if (what === 'statement') struck.cancel();
    else struck.end();
    return undefined;
  }

  /** Cancels what a session of this process runs, if the secret is right. */
  cancel(key: SessionKey): void {
    const session = this.#sessions.get(key.id);
    if (session === undefined || session.key.secret.length !== key.secret.length) return;
    if (timingSafeEqual(session.key.secret, key.secret)) session.cancel();
  }

  #refused(code: string, reason: string, address: string): void {
    this.emit({ kind: 'client-refused', code, reason, address });
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
    const version = versionIn(view);
    if (version !== '') for (const tell of this.#curious.splice(0)) tell(version);
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
    this.#closing = true;
    for (const channel of this.#arriving.keys()) channel.destroy();
    for (const session of [...this.#sessions.values()]) session.die(shuttingDown());
    this.holds.close();
    this.accounts.close();
  }
}

const ALONE: Pick<Others, 'slot' | 'workers'> = { slot: 0, workers: 1 };

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

function noReplication(): ProxyError {
  return new ProxyError('UNSUPPORTED', {
    side: 'client',
    retry: 'no',
    tell: 'replication connections are not passed through yet; connect to the server itself',
  });
}

function goneAtStartup(): ProxyError {
  return new ProxyError('LINK_LOST', {
    side: 'client',
    retry: 'safe',
    tell: 'the client went away during start-up',
  });
}
