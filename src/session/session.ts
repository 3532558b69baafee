import type { ChannelHandler } from '../core/channel.ts';
import { SHARED_BYTES } from '../core/cost.ts';
import type {
  Catalogue,
  ClientSide,
  Elsewhere,
  Greeting,
  Login,
  Outcome,
  SessionKey,
  Unit,
} from '../core/engine.ts';
import { asProxyError, ProxyError } from '../core/errors.ts';
import type { Intent, PinReason } from '../core/intent.ts';
import { plainIntent } from '../core/plain-intent.ts';
import type { Account } from '../pool/accounts.ts';
import { Lane } from '../pool/lane.ts';
import type { Entry, Link, Loss, Request } from '../pool/link.ts';
import { notOnReplica } from '../routing/refusals.ts';
import { Approach, type Found, type Seeker } from './approach.ts';
import { Bearings } from './bearings.ts';
import {
  cancelled,
  ended,
  failedTransaction,
  looksBack,
  noLongerWritable,
  refusedByServer,
  settingsRefused,
  stateLost,
} from './complaints.ts';
import { Lease, type Lessee } from './lease.ts';
import { judgeLoss } from './loss.ts';
import type { Realm } from './realm.ts';
import { Ride, type Rider } from './ride.ts';
import { SessionState } from './state.ts';
import type { Transaction } from './transaction.ts';

/**
 * What a session is doing about its oldest unit.
 * - `flowing`: nothing stands in the way of the next unit.
 * - `waiting`: for a link, or for a primary.
 * - `preparing`: the link is being made equal to the session. `settling`: the link is asked what was left on it,
 *   or must be quiet first.
 */
type Phase = 'flowing' | 'waiting' | 'preparing' | 'settling' | 'closed';

/** Client bytes that may gather behind a unit that waits, before the client is no longer read. */
const BACKLOG = 65_536;
/** How long a cancel request to a server may take, in ms. */
const CANCEL_WITHIN = 5_000;

/**
 * One client's life after its start-up: finds units, has them routed, leases links, relays. Knows no protocol. What it
 * carries from link to link is its state, where it may go its bearings, the link it is on its lease.
 */
export class Session implements ChannelHandler, Rider, Seeker, Lessee {
  readonly login: Login;
  readonly key: SessionKey;
  readonly account: Account;
  readonly #realm: Realm;
  readonly #client: ClientSide;
  readonly #state: SessionState;
  readonly #bearings: Bearings;
  readonly #approach: Approach;
  readonly #closed: (session: Session) => void;
  /** Its plain reads may share links with those of others. */
  readonly #shares: boolean;
  #phase: Phase = 'flowing';
  #advancing = false;
  #paused = false;
  /** The unit that cannot go on yet, and what it wants. */
  #pending: Request | undefined;
  /** What names meant when it was judged. */
  #judgedBy: Catalogue | undefined;
  #lease: Lease | undefined;
  /** Its units on a link that others share. Never beside a lease. */
  #ride: Ride | undefined;
  /** Units that came back, to be taken after the pending one and before any other. */
  #returned: Request[] = NONE;
  /** A unit on its way may put settings back to what they were at start-up: the next one waits for its end. */
  #resets = false;
  /** The BEGIN that went out right in front of the unit under way. */
  #opened: Transaction['held'];
  /** Something of the reply under way has been given to the client; how much, and since when it is awaited. */
  #began = false;
  #replyBytes = 0;
  /** In monotonic ms; 0: it did not run alone. */
  #sentAt = 0;
  /** The server takes copy data from this unit. */
  #copying: Unit | undefined;
  /** The unit under way came back, nothing of it delivered: where it runs next. */
  #again: 'primary' | 'replica' | undefined;

  constructor(
    realm: Realm,
    login: Login,
    key: SessionKey,
    account: Account,
    greeting: Greeting,
    closed: (session: Session) => void,
  ) {
    this.#realm = realm;
    this.login = login;
    this.key = key;
    this.account = account;
    this.#client = realm.wire.client(login);
    this.#state = new SessionState(realm, login, account, greeting);
    this.#bearings = new Bearings(realm, this.#state);
    this.#approach = new Approach(realm, this.#state, this.#bearings, this);
    this.#closed = closed;
    this.#shares = realm.shares(login);
  }

  get pin(): PinReason | undefined {
    return this.#state.pin;
  }

  // ------------------------------------------------------------ the client's bytes

  bytes(chunk: Buffer): void {
    if (this.#phase === 'closed') return;
    this.#realm.counters.bytesFromClients += chunk.length;
    try {
      this.#client.push(chunk);
    } catch (thrown) {
      this.die(asProxyError(thrown, 'PROTOCOL', 'client'));
      return;
    }
    this.#advance();
  }

  drained(): void {
    this.#lease?.unstall();
  }

  closed(): void {
    // What was sent before the goodbye is carried out, as a server does.
    this.#lease?.unstall();
    if (this.#pending?.unit.extent === 'quit' && this.#phase === 'flowing') return;
    this.#leave('the client closed the connection');
  }

  /** Takes units, one after another, as long as nothing stands in the way. */
  #advance(): void {
    if (this.#advancing) return;
    this.#advancing = true;
    try {
      while (this.#phase === 'flowing') {
        const request = this.#pending ?? this.#returned.shift() ?? this.#nextRequest();
        if (request === undefined) break;
        this.#pending = undefined;
        if (!this.#take(request)) {
          this.#pending = request;
          break;
        }
      }
    } catch (thrown) {
      this.die(asProxyError(thrown, 'PROTOCOL', 'client'));
    } finally {
      this.#advancing = false;
    }
    this.#throttle();
  }

  /** Stops reading from a client that sends more while its unit waits. */
  #throttle(): void {
    if (this.#phase === 'closed') return;
    const full = this.#pending !== undefined && this.#client.buffered > BACKLOG;
    if (full === this.#paused) return;
    this.#paused = full;
    if (full) this.login.channel.pause();
    else this.login.channel.resume();
  }

  #nextRequest(): Request | undefined {
    const unit = this.#client.next();
    if (unit === undefined) return undefined;
    const runs = unit.extent === 'whole' || unit.extent === 'open';
    this.#judgedBy = this.#state.catalogue;
    const intent = runs ? this.#client.classify(unit, this.#state) : NO_INTENT;
    return { unit, intent, moved: false, solo: false, recalled: false };
  }

  /** Replies that the session still waits for. */
  get #owed(): number {
    return this.#lease?.link.owed ?? this.#ride?.owed ?? 0;
  }

  /** False: the unit has to wait for something that will call `#advance` again. */
  #take(request: Request): boolean {
    const { unit } = request;
    switch (unit.extent) {
      case 'quit':
        if (this.#owed > 0) return false;
        this.#leave('the client said goodbye');
        return true;
      case 'relogin':
        if (this.#owed > 0) return false;
        this.#logInAnew(unit);
        return true;
      case 'part':
      case 'last':
        return this.#more(unit);
      case 'data':
        // It may be for a copy that the server has not begun yet: its answer decides.
        if (this.#copying === undefined && this.#owed > 0) return false;
        return this.#copying === undefined || this.#more(unit);
      case 'whole':
      case 'open':
        return this.#place(request);
    }
  }

  /** More bytes of what runs already. */
  #more(unit: Unit): boolean {
    const link = this.#lease?.link;
    if (link !== undefined && link.owed > 0 && !link.write(unit.bytes)) this.login.channel.pause();
    return true;
  }

  // ------------------------------------------------------------ where a unit goes

  #place(request: Request): boolean {
    const { unit, intent } = request;
    const { transaction, status, pin } = this.#state;
    if (transaction?.failedHere === true) return this.#whileFailed(unit, intent);
    if (intent.here && status !== 'failed') return this.#answerHere(unit, intent);
    if (this.#lease !== undefined) return this.#onLease(this.#lease, request);
    if (this.#ride?.lane !== undefined) return this.#onLane(this.#ride, request);
    if (intent.resets === true) return this.#resetHere(unit, intent);
    const whole = unit.extent === 'whole';
    if (transaction?.held !== undefined) {
      if (intent.kind !== 'end' || !whole) return this.#seek(request);
      this.#endHere(unit, false);
      return true;
    }
    if (intent.begin?.alone !== true || !whole || pin !== undefined) return this.#seek(request);
    this.#state.holdBegin(unit, intent.begin);
    this.#client.supply(unit, 'transaction', false);
    return true;
  }

  /** Answers what only the proxy knows, once all before it has been answered. */
  #answerHere(unit: Unit, intent: Intent): boolean {
    if (this.#owed > 0) return false;
    const refused = intent.strikes && this.#realm.strike(this, intent.strikes, () => this.#resume());
    if (refused === 'asked') {
      this.#phase = 'settling';
      return false;
    }
    if (this.#phase === 'closed') return true;
    if (refused === undefined) this.#client.supply(unit, this.#state.status, false);
    else this.#client.fail(refused, this.#state.status);
    return true;
  }

  #resetHere(unit: Unit, intent: Intent): boolean {
    this.#state.resetHere(intent);
    this.#client.supply(unit, 'idle', false);
    return true;
  }

  /** Ends a transaction of which no server knows. */
  #endHere(unit: Unit, failed: boolean): void {
    this.#state.endHere();
    this.#client.supply(unit, 'idle', failed);
  }

  /** The proxy refused a statement of this transaction: as on a server, only its end is taken. */
  #whileFailed(unit: Unit, intent: Intent): boolean {
    if (intent.kind === 'end' && unit.extent === 'whole') this.#endHere(unit, true);
    else this.#refuse(unit, failedTransaction());
    return true;
  }

  #onLease(lease: Lease, request: Request): boolean {
    const { unit, intent } = request;
    const { link } = lease;
    const idle = link.owed === 0;
    if (!idle && this.#resets) return false;
    if (idle && !link.isQuiet) {
      this.#phase = 'settling';
      link.whenQuiet(() => this.#resume());
      return false;
    }
    // A unit has put settings back to the server's defaults: those of the session's start-up hold again.
    if (idle && link.settings !== this.#state.settings && this.#state.status !== 'failed') {
      return this.#prepare(lease, request);
    }
    if (intent.looksBack === true && !lease.wroteHere && this.pin !== 'session-pooling') {
      if (!idle) return false;
      this.#refuseOn(lease, unit, looksBack(intent.detail));
      return true;
    }
    if (lease.onPrimary) {
      if (intent.kind !== 'read' && !this.#approach.mayWrite) throw noLongerWritable();
      return this.#send(lease, request);
    }
    // The node may change with the next unit: only a read may follow without knowing how this one ends.
    if (!idle) return intent.kind === 'read' && intent.begin === undefined && this.#send(lease, request);
    if (intent.kind !== 'write' && intent.kind !== 'begin') return this.#send(lease, request);
    this.#refuseOn(lease, unit, notOnReplica(intent.because, intent.detail));
    return true;
  }

  /** A unit that is never passed on. Its transaction has failed, as it would have on the server. */
  #refuseOn(lease: Lease, unit: Unit, error: ProxyError): void {
    if (!this.#state.inTransaction || !this.#realm.wire.errorFailsTransaction) {
      this.#refuse(unit, error);
      return;
    }
    if (this.pin !== undefined) {
      // The transaction cannot be left without what the session keeps on this link.
      this.die(error);
      return;
    }
    this.#lease = undefined;
    lease.rollback();
    this.#refuse(unit, error);
  }

  /** Finds a node and a link for a unit while the session has none. */
  #seek(request: Request): boolean {
    const { unit, intent } = request;
    if (intent.looksBack === true && this.pin !== 'session-pooling') {
      this.#refuse(unit, looksBack(intent.detail));
      return true;
    }
    if (this.#isOutdated) this.#bearings.primaryOnly = true;
    const sought = this.#approach.seek(request, this.#mayShare(request) ? intent.cost : undefined);
    if (sought === 'waits') {
      this.#phase = 'waiting';
      return false;
    }
    if (sought instanceof Lane) return this.#board(sought, request);
    if (!(sought instanceof ProxyError)) return this.#start(sought, request);
    this.#refuseRequest(request, sought);
    return true;
  }

  linkFound(found: Found): void {
    this.#phase = 'flowing';
    const request = this.#pending;
    if (request === undefined || (this.#isOutdated && !found.onPrimary)) found.dispatcher.give(found.link);
    else if (this.#start(found, request)) this.#pending = undefined;
    this.#advance();
  }

  /** Names have changed since the pending unit was judged: what was a read may be none now. */
  get #isOutdated(): boolean {
    return this.account.doubted || this.#judgedBy !== this.#state.catalogue;
  }

  lookAgain(): void {
    this.#resume();
  }

  nothingFound(error: ProxyError): void {
    this.#phase = 'flowing';
    this.#refusePending(error);
    this.#advance();
  }

  #resume(): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'flowing';
    this.#advance();
  }

  // ------------------------------------------------------------ on a lane

  /** Others' units may be right beside it on its link. */
  #mayShare({ unit, intent, solo }: Request): boolean {
    if (intent.cost?.isShort !== true || intent.kind !== 'read' || solo || !this.#shares) return false;
    return this.#state.isPlain && unit.bytes.length <= SHARED_BYTES && this.#client.mayShare(unit);
  }

  #board(lane: Lane, request: Request): boolean {
    this.#ride ??= new Ride(this, this.#client, this.login.channel, this.#realm.counters);
    this.#ride.begin(lane, this.#approach.toPrimary);
    return this.#onLane(this.#ride, request);
  }

  /** Nothing may overtake what is on its way there: all else waits until it has been answered. */
  #onLane(ride: Ride, request: Request): boolean {
    if (ride.owed > 0 && (!this.#mayShare(request) || this.#isOutdated)) return false;
    switch (ride.send(request)) {
      case 'sent':
        this.#approach.over();
        return true;
      case 'ahead':
        this.#phase = 'preparing';
        return false;
      case 'later':
        return false;
      case 'never':
        request.solo = true;
        return this.#seek(request);
    }
  }

  rideReady(lane: Lane, outcome: Outcome): void {
    const request = this.#pending;
    this.#phase = 'flowing';
    // What the server says against it is heard where the link is its own.
    if (request !== undefined && outcome.error !== '') request.solo = true;
    else if (request?.intent.cost !== undefined && lane.accepts(request.intent.cost) && !this.#isOutdated) {
      if (this.#board(lane, request)) this.#pending = undefined;
    }
    this.#advance();
  }

  rideAnswered(link: Link, request: Request, outcome: Outcome): void {
    if (this.#ride?.onPrimary === false) this.#bearings.stick(link.target.node);
    this.#bearings.over();
    const question = this.#client.completed(request.unit, outcome);
    if (question !== undefined) this.#recall(request);
    this.#advance();
  }

  /**
   * What the server has to say of a unit can only be asked right behind it, and others were there: it runs once more,
   * alone.
   */
  #recall(request: Request): void {
    if (request.intent.cost !== undefined) request.intent.cost.never = true;
    if (this.#pending !== undefined) this.#returned = [this.#pending, ...this.#returned];
    this.#pending = { ...request, solo: true, recalled: true };
  }

  elsewhere(link: Link, request: Request, code: string): Elsewhere | undefined {
    if (!this.#mayRunElsewhere(this.#ride?.onPrimary === true, request)) return undefined;
    const where = this.#realm.wire.elsewhere(code);
    if (where !== undefined) this.#realm.emit({ kind: 'retried', from: link.target.node, because: code });
    return where;
  }

  rideRefused(link: Link, request: Request, where: Elsewhere): void {
    this.#bearings.refusedBy(link.target.node, where);
    this.#comeBack([request]);
  }

  rideTaken(lane: Lane, began: boolean, again: Elsewhere | undefined): void {
    const parts = { realm: this.#realm, state: this.#state, client: this.#client, lessee: this };
    const onPrimary = this.#ride?.onPrimary === true;
    this.#lease = new Lease(parts, lane.home, lane.link, onPrimary);
    this.#began = began;
    this.#again = again;
  }

  rideLeft(requests: readonly Request[]): void {
    this.#comeBack(requests);
  }

  rideLost(
    link: Link,
    loss: Loss,
    requests: readonly Request[],
    { first, began }: { first: boolean; began: boolean },
  ): void {
    const { node } = link.target;
    const [oldest] = requests;
    const verdict = judgeLoss({
      node,
      words: loss.words,
      owed: oldest === undefined ? [] : [oldest.intent],
      began,
      onPrimary: this.#ride?.onPrimary === true,
      inTransaction: false,
      pinned: false,
      settling: false,
      retried: first && this.#bearings.retried,
    });
    if (!verdict.again && oldest !== undefined) {
      this.die(verdict.error);
      return;
    }
    this.#realm.emit({ kind: 'retried', from: node, because: 'link-lost' });
    if (first) this.#bearings.lostOn(node, loss.orderly);
    else this.#bearings.besideLoss(node);
    this.#comeBack(requests);
  }

  /** Units that were sent and not answered are taken again, before all others. */
  #comeBack(requests: readonly Request[]): void {
    const [first, ...others] = requests;
    if (first !== undefined) {
      this.#returned = this.#pending === undefined ? others : [...others, this.#pending];
      this.#pending = first;
    }
    this.#resume();
  }

  // ------------------------------------------------------------ the lease

  /** False: the unit waits until the link is equal to the session. */
  #start({ dispatcher, link, onPrimary }: Found, request: Request): boolean {
    const parts = { realm: this.#realm, state: this.#state, client: this.#client, lessee: this };
    const lease = new Lease(parts, dispatcher, link, onPrimary);
    this.#lease = lease;
    if (request.intent.kind === 'read') return this.#prepare(lease, request);
    // The server may have died, and its last words may be among what this turn of the event loop has still to read:
    // a write that was not sent yet can wait for another primary, one that was sent is unknown.
    this.#phase = 'preparing';
    setImmediate(turnOver, this, lease);
    return false;
  }

  /** All that had arrived has been read, and the link is still there. */
  goOn(lease: Lease): void {
    const request = this.#pending;
    if (this.#lease !== lease || this.#phase !== 'preparing' || request === undefined) return;
    this.#phase = 'flowing';
    if (this.#prepare(lease, request)) this.#pending = undefined;
    this.#advance();
  }

  #prepare(lease: Lease, request: Request): boolean {
    const prepared = lease.prepare();
    if (prepared === 'ready') return this.#send(lease, request);
    if (prepared === 'never') return this.#another(lease, request);
    this.#phase = 'preparing';
    return false;
  }

  /** The link can never be like the session: it closes, and another one is found. */
  #another(lease: Lease, request: Request): boolean {
    if (this.pin !== undefined || (this.#state.inTransaction && this.#state.transaction?.held === undefined))
      throw stateLost();
    this.#lease = undefined;
    lease.link.dirty = true;
    lease.release();
    return this.#seek(request);
  }

  /** False: not before the link has answered what it owes. */
  #send(lease: Lease, request: Request): boolean {
    const { link } = lease;
    const { transaction } = this.#state;
    const held = transaction?.held;
    const plan =
      held === undefined
        ? this.#client.plan(request.unit, link.server, link.owed > 0)
        : this.#client.openedBy(held.unit, request.unit, link.server);
    if (plan === undefined) {
      if (held !== undefined) this.#open(lease, held.unit);
      return false;
    }
    if (transaction !== undefined) transaction.held = undefined;
    this.#opened = held;
    if (plan.before === true) {
      this.#phase = 'preparing';
      lease.sendFirst(plan);
      return false;
    }
    if (request.recalled) {
      this.#phase = 'preparing';
      lease.repeat(plan);
      return false;
    }
    this.#began = false;
    this.#replyBytes = 0;
    if (request.intent.cost !== undefined) this.#sentAt = link.owed === 0 ? this.#realm.clock.now() : 0;
    this.#approach.over();
    this.#resets = this.#state.mayReset(request.intent);
    this.#realm.counters.of(link.target.node).bytesToServer += plan.bytes.length;
    if (!link.send(plan, this, request)) this.login.channel.pause();
    return true;
  }

  /** The statement waits for the answer to its BEGIN, or it might run alone. */
  #open(lease: Lease, held: Unit): void {
    this.#phase = 'preparing';
    lease.sendBegin(held);
  }

  leaseReady(): void {
    const request = this.#pending;
    const lease = this.#lease;
    this.#phase = 'flowing';
    if (request !== undefined && lease !== undefined) {
      if (this.#isOutdated && lease.link.owed === 0 && this.#mayRunElsewhere(lease.onPrimary, request)) {
        this.#takeBack(lease, request, 'primary');
        return;
      }
      if (this.#send(lease, request)) this.#pending = undefined;
    }
    this.#advance();
  }

  /** As if the unit itself had been refused: it may run elsewhere, or that is its answer. */
  leaseBarred(lease: Lease, outcome: Outcome): void {
    const request = this.#pending;
    this.#phase = 'flowing';
    if (request === undefined) return;
    const mayRun = lease.link.owed === 0 && this.#mayRunElsewhere(lease.onPrimary, request);
    const where = mayRun ? this.#realm.wire.elsewhere(outcome.error) : undefined;
    if (where !== undefined) {
      this.#realm.emit({ kind: 'retried', from: lease.link.target.node, because: outcome.error });
      this.#takeBack(lease, request, where);
      return;
    }
    this.#pending = undefined;
    this.#refuseRequest(request, refusedByServer(lease.link.target.node, outcome));
    if (this.#state.status === 'idle' && this.pin === undefined && this.#lease === lease) {
      this.#lease = undefined;
      lease.release();
    }
    this.#advance();
  }

  /** A lone read that a replica could not serve. Nothing else of the session may be under way there. */
  #mayRunElsewhere(onPrimary: boolean, { intent }: Request): boolean {
    if (onPrimary || this.#bearings.retried || this.pin !== undefined) return false;
    return intent.kind === 'read' && !this.#state.inTransaction;
  }

  leaseRepeated(lease: Lease, outcome: Outcome): void {
    const request = this.#pending;
    this.#pending = undefined;
    this.#phase = 'flowing';
    const question = request === undefined ? undefined : this.#client.completed(request.unit, outcome);
    if (question !== undefined) {
      this.#phase = 'settling';
      lease.ask(question);
      return;
    }
    this.#client.learned(NOTHING_MORE);
    if (lease.link.owed === 0) this.#settle(lease);
    this.#advance();
  }

  leaseTold(lease: Lease, outcome: Outcome): void {
    this.#state.learned(lease.link, outcome);
    this.#client.learned(outcome);
    this.#phase = 'flowing';
    if (lease.link.owed === 0 && !this.#state.inTransaction) this.#settle(lease);
    this.#advance();
  }

  /** On a replica the primary decides; on the primary the client hears. */
  leaseRefused(lease: Lease, outcome: Outcome): void {
    const error = settingsRefused(lease.link.target.node, outcome);
    const pinned = this.pin !== undefined;
    if (pinned || this.#state.inTransaction !== (this.#state.transaction?.held !== undefined)) {
      // What the session keeps here cannot go on under settings that are not its own.
      this.die(error);
      return;
    }
    if (outcome.status !== 'idle') lease.link.dirty = true;
    this.#lease = undefined;
    lease.release();
    this.#phase = 'flowing';
    if (lease.onPrimary) this.#refusePending(error);
    else this.#bearings.primaryOnly = true;
    this.#advance();
  }

  leaseSettled(): void {
    if (this.pin === undefined) this.#lease = undefined;
    this.#resume();
  }

  leaseDrained(): void {
    if (!this.#paused) this.login.channel.resume();
  }

  leaseIdle(): void {
    const lease = this.#lease;
    if (lease?.link.owed === 0 && this.#phase === 'flowing' && this.#state.status === 'idle')
      this.#settle(lease);
    this.#advance();
  }

  leaseAside(bytes: Buffer): void {
    this.login.channel.write(bytes);
  }

  // ------------------------------------------------------------ replies

  replyBytes(link: Link, bytes: Buffer): void {
    this.#began = true;
    this.#replyBytes += bytes.length;
    this.#realm.counters.of(link.target.node).bytesFromServer += bytes.length;
    this.#realm.counters.bytesToClients += bytes.length;
    if (!this.login.channel.write(bytes)) this.#lease?.stall();
  }

  replyRefused(link: Link, entry: Entry, code: string): boolean {
    const { request } = entry;
    const lease = this.#lease;
    if (request === undefined || lease === undefined || link.owed > 1) return false;
    if (!this.#mayRunElsewhere(lease.onPrimary, request)) return false;
    this.#again = this.#realm.wire.elsewhere(code);
    if (this.#again === undefined) return false;
    this.#realm.emit({ kind: 'retried', from: link.target.node, because: code });
    return true;
  }

  replyCopyIn(_link: Link, entry: Entry): void {
    const unit = entry.request?.unit;
    if (unit === undefined) return;
    this.#copying = unit;
    this.#client.copying(unit, true);
    this.#advance();
  }

  replyDone(link: Link, { request, ahead }: Entry, outcome: Outcome): void {
    const lease = this.#lease;
    if (lease?.link !== link || request === undefined) return;
    if (ahead) {
      // It was sent while others shared the link.
      if (outcome.error === '') this.leaseReady();
      else this.leaseBarred(lease, outcome);
      return;
    }
    this.#began = false;
    this.#opened = undefined;
    if (request.intent.cost !== undefined && this.#sentAt > 0) {
      request.intent.cost.alone(this.#realm.clock.now() - this.#sentAt, this.#replyBytes);
    }
    if (this.#copying !== undefined) {
      this.#client.copying(this.#copying, false);
      this.#copying = undefined;
    }
    if (this.#again !== undefined) {
      this.#takeBack(lease, request, this.#again);
      return;
    }
    this.#complete(lease, request.intent, outcome);
    const question = this.#client.completed(request.unit, outcome);
    if (question !== undefined) {
      this.#phase = 'settling';
      lease.ask(question);
      return;
    }
    if (link.owed === 0 && outcome.status === 'idle') this.#settle(lease);
    this.#advance();
  }

  /** A read that this node refused, nothing of it delivered, goes elsewhere. */
  #takeBack(lease: Lease, request: Request, where: 'primary' | 'replica'): void {
    this.#again = undefined;
    this.#bearings.refusedBy(lease.link.target.node, where);
    this.#lease = undefined;
    lease.release();
    this.#pending = request;
    this.#advance();
  }

  /** Keeps what a completed unit changed. */
  #complete(lease: Lease, intent: Intent, outcome: Outcome): void {
    this.#resets = false;
    if (intent.settings.length > 0) lease.touch(intent.settings.map(({ name }) => name));
    if (intent.asked !== undefined) lease.touch(intent.asked);
    if (intent.kind === 'write') lease.wroteHere = true;
    this.#state.complete(lease.link, intent, outcome);
    if (lease.onPrimary) {
      if (intent.kind === 'write' || intent.kind === 'end') this.#bearings.wrote();
      this.#state.noteNames(intent);
    } else if (outcome.status === 'idle') {
      this.#bearings.stick(lease.link.target.node);
    }
    this.#bearings.over();
  }

  /** Nothing is owed and no transaction is open: the link goes back, unless something was left on it. */
  #settle(lease: Lease): void {
    if (this.#state.auditDue) {
      this.#state.auditDue = false;
      this.#phase = 'settling';
      lease.audit();
    } else if (this.pin === undefined) {
      this.#lease = undefined;
      lease.release();
    }
  }

  // ------------------------------------------------------------ failures

  /** Reports an error as the answer to a unit that was not sent. */
  #refuse(unit: Unit, error: ProxyError): void {
    this.#realm.emit({ kind: 'client-error', code: error.code, message: error.message });
    this.#approach.over();
    this.#bearings.over();
    if (unit.extent === 'open') {
      this.die(error);
      return;
    }
    if (this.#lease === undefined) this.#state.failHere();
    this.#client.fail(error, this.#state.status);
  }

  #refusePending(error: ProxyError): void {
    const request = this.#pending;
    this.#pending = undefined;
    if (request !== undefined) this.#refuseRequest(request, error);
  }

  #refuseRequest(request: Request, error: ProxyError): void {
    if (request.recalled) this.#client.learned(NOTHING_MORE);
    else this.#refuse(request.unit, error);
  }

  leaseLost(lease: Lease, loss: Loss): void {
    this.#lease = undefined;
    this.#copying = undefined;
    this.#resets = false;
    // It may have been waiting for this link to drain.
    this.leaseDrained();
    this.#holdAgain(loss.owed);
    const held = this.#state.transaction?.held !== undefined;
    const inTransaction = this.#state.inTransaction && !held;
    if (this.#phase === 'preparing' && !inTransaction && !this.#state.keepsState) {
      // Nothing of the unit was sent; what was injected has no effect.
      this.#resume();
      return;
    }
    const owed = loss.owed.flatMap(({ request }) => request ?? []);
    const [only] = owed;
    const { node } = lease.link.target;
    const verdict = judgeLoss({
      node,
      words: loss.words,
      owed: owed.map(({ intent }) => intent),
      began: this.#began,
      onPrimary: lease.onPrimary,
      inTransaction,
      pinned: this.pin !== undefined,
      settling: this.#phase === 'settling',
      retried: this.#bearings.retried,
    });
    if (!verdict.again || only === undefined) {
      this.die(verdict.again ? loss.error : verdict.error);
      return;
    }
    this.#realm.emit({ kind: 'retried', from: node, because: 'link-lost' });
    this.#bearings.lostOn(node, loss.orderly);
    this.#pending = only;
    this.#resume();
  }

  /** A transaction of which nothing but a read was sent with its BEGIN has not begun for anybody. */
  #holdAgain(owed: readonly Entry[]): void {
    const { transaction } = this.#state;
    const opened = this.#opened;
    this.#opened = undefined;
    if (transaction === undefined || opened === undefined || this.#began || owed.length !== 1) return;
    if (owed[0]?.request?.intent.kind === 'read') transaction.held = opened;
  }

  /** Another session ends this one. */
  end(): void {
    this.die(ended());
  }

  /** The client asks to cancel what the session runs. Strikes only its own unit, and never a COMMIT in flight. */
  cancel(): void {
    if (this.#approach.isWaiting) {
      this.#approach.stop();
      this.#phase = 'flowing';
      this.#refusePending(cancelled());
      this.#advance();
      return;
    }
    const ride = this.#ride;
    if (ride?.lane !== undefined && !ride.lane.clearFor(ride)) {
      this.#cancelBehind(ride);
      return;
    }
    const link = this.#lease?.link;
    const running = link?.running;
    if (running?.owner !== this || running.request?.intent.kind === 'end') return;
    link?.cancel(this.#realm.wire, AbortSignal.timeout(CANCEL_WITHIN));
  }

  /** A server cancels what it runs, and others are in front: the proxy answers, and drops what the server will say. */
  #cancelBehind(ride: Ride): void {
    if (!ride.dropOldest()) return;
    if (this.#phase === 'preparing') {
      this.#phase = 'flowing';
      this.#pending = undefined;
    }
    this.#bearings.over();
    this.#client.fail(cancelled(), this.#state.status);
    this.#advance();
  }

  /** Reports an error and ends the session. */
  die(error: ProxyError): void {
    if (this.#phase === 'closed') return;
    this.#realm.emit({ kind: 'client-error', code: error.code, message: error.message });
    this.#client.die(error);
    this.#leave(error.code);
  }

  /** The client is to be somebody else: the session is over, its connection is not. */
  #logInAnew(unit: Unit): void {
    const unread = this.#client.unread();
    this.#part('the client logs in anew');
    this.login.channel.detach(unread);
    this.#realm.logInAnew(this.login, unit, this.key.id);
  }

  /** Ends the session. */
  #leave(reason: string): void {
    if (this.#phase === 'closed') return;
    this.#part(reason);
    this.login.channel.end();
  }

  /** Gives up all that the session has, but for its client. */
  #part(reason: string): void {
    this.#approach.stop();
    this.#phase = 'closed';
    this.#pending = undefined;
    const lease = this.#lease;
    this.#lease = undefined;
    lease?.abandon(this.#copying !== undefined);
    this.#ride?.end();
    this.#state.unpin();
    this.#bearings.unstick();
    const { user, database } = this.login;
    this.#realm.emit({ kind: 'client-closed', user, database, reason });
    this.#closed(this);
  }
}

/** Of pieces of a unit: what they want was said by its beginning. */
const NO_INTENT: Intent = plainIntent('session', '', '');

const NONE: Request[] = [];

/** A server that was not asked. */
const NOTHING_MORE: Outcome = {
  status: 'idle',
  error: '',
  message: '',
  rolledBack: false,
  settingChanged: false,
  changes: [],
  pin: undefined,
  rows: [],
};

/** One function for all sessions: a write costs no closure. */
function turnOver(session: Session, lease: Lease): void {
  session.goOn(lease);
}
