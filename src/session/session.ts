import type { ChannelHandler } from '../core/channel.ts';
import type {
  Catalogue,
  ClientSide,
  FunctionLists,
  Greeting,
  Login,
  Outcome,
  SessionFacts,
  SessionKey,
  TransactionStatus,
  Unit,
} from '../core/engine.ts';
import { asProxyError, type ProxyError } from '../core/errors.ts';
import type { Begin, Intent, PinReason } from '../core/intent.ts';
import type { NodeId } from '../core/node.ts';
import type { Position } from '../core/position.ts';
import { changed, difference, noSettings, type Settings } from '../core/settings.ts';
import type { Held } from '../hold/holds.ts';
import type { Account } from '../pool/accounts.ts';
import type { Dispatcher, Waiter } from '../pool/dispatcher.ts';
import { Injected } from '../pool/injected.ts';
import type { Entry, Link, LinkHolder, Loss, ReplyOwner, Request } from '../pool/link.ts';
import { notOnReplica } from '../routing/refusals.ts';
import { type Level, type RouteFacts, route } from '../routing/route.ts';
import { Causality } from './causality.ts';
import {
  abandoned,
  cancelled,
  failedTransaction,
  looksBack,
  lostTwice,
  noLongerWritable,
  settingsRefused,
} from './complaints.ts';
import { judgeLoss } from './loss.ts';
import { ownSettings } from './own-settings.ts';
import { auditSees } from './pins.ts';
import type { Realm } from './realm.ts';
import type { Transaction } from './transaction.ts';

/**
 * What a session is doing about its oldest unit.
 * - `flowing`: nothing stands in the way of the next unit.
 * - `waiting`: for a link. `held`: for a primary.
 * - `preparing`: the link is being made equal to the session. `settling`: the link is asked what was left on it,
 *   or must be quiet first.
 */
type Phase = 'flowing' | 'waiting' | 'held' | 'preparing' | 'settling' | 'closed';

/** Client bytes that may gather behind a unit that waits, before the client is no longer read. */
const BACKLOG = 65_536;
/** How long a cancel request to a server may take, in ms. */
const CANCEL_WITHIN = 5_000;

/**
 * One client's life after its start-up: finds units, has them routed, leases links, relays, and keeps what makes
 * the session the same on whichever link it runs. Knows no protocol.
 */
export class Session
  implements ChannelHandler, ReplyOwner, LinkHolder, Waiter, Held, SessionFacts, RouteFacts
{
  readonly login: Login;
  readonly key: SessionKey;
  readonly account: Account;
  readonly greeting: Greeting;
  settings: Settings;
  readonly #realm: Realm;
  readonly #client: ClientSide;
  readonly #closed: (session: Session) => void;
  #phase: Phase = 'flowing';
  #advancing = false;
  #paused = false;

  /** The unit that cannot go on yet, and what it wants. */
  #pending: Request | undefined;
  #heldSince = 0;

  #link: Link | undefined;
  #dispatcher: Dispatcher | undefined;
  /** The lease is on the node that was primary when it began. */
  #onPrimary = false;
  #status: TransactionStatus = 'idle';
  #transaction: Transaction | undefined;
  #pin: PinReason | undefined;
  /** The open transaction has changed the schema. */
  #schemaChanged = false;
  /** Something ran that may have left state which only the server can tell. */
  #auditDue = false;
  /** Settings that were changed on this link in this lease. */
  readonly #touched = new Set<string>();
  /** The session has changed something on this link in this lease. */
  #wroteHere = false;
  /** A unit on its way may put settings back to what they were at start-up: the next one waits for its end. */
  #resets = false;
  /** The client has been told of parameters that are not those of its session. */
  #misled = false;
  /** Something of the reply under way has been given to the client. */
  #began = false;
  /** The client reads too slowly: the link is paused. */
  #stalled = false;
  /** The server takes copy data from this unit. */
  #copying: Unit | undefined;

  #causality: Causality | undefined;
  /** The unit under way was sent before and came back: how it must go now. */
  #again: 'primary' | 'replica' | undefined;
  #retried = false;
  exclude: NodeId | undefined;
  primaryOnly = false;
  #neverPrimary = false;

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
    this.greeting = greeting;
    this.settings = login.settings;
    this.#client = realm.wire.client(login);
    this.#closed = closed;
    if (realm.mode(login.user) === 'session') this.#setPin('session-pooling');
  }

  // ------------------------------------------------------------ facts for the engine and the router

  get catalogue(): Catalogue | undefined {
    return this.account.catalogue;
  }

  get functions(): FunctionLists {
    return this.#realm.functions;
  }

  get inTransaction(): boolean {
    return this.#status !== 'idle';
  }

  get level(): Level {
    return this.#realm.level;
  }

  get floor(): Position | undefined {
    return this.#causality?.floor;
  }

  get floorUnknown(): boolean {
    return this.#causality?.floorUnknown ?? false;
  }

  get sticky(): NodeId | undefined {
    return this.#causality?.sticky;
  }

  get begin(): Begin | undefined {
    return this.#transaction?.held?.begin;
  }

  get pin(): PinReason | undefined {
    return this.#pin;
  }

  /** What the session is doing, for an operator. */
  get state(): string {
    return this.#link === undefined ? this.#phase : `${this.#phase} on ${this.#link.target.node}`;
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
    this.#unstall();
  }

  closed(): void {
    // What was sent before the goodbye is carried out, as a server does.
    this.#unstall();
    if (this.#pending?.unit.extent === 'quit' && this.#phase === 'flowing') return;
    this.#leave('the client closed the connection');
  }

  /** Takes units, one after another, as long as nothing stands in the way. */
  #advance(): void {
    if (this.#advancing) return;
    this.#advancing = true;
    try {
      while (this.#phase === 'flowing') {
        const request = this.#pending ?? this.#nextRequest();
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
    return { unit, intent: runs ? this.#client.classify(unit, this) : NO_INTENT };
  }

  /** False: the unit has to wait for something that will call `#advance` again. */
  #take(request: Request): boolean {
    const { unit } = request;
    switch (unit.extent) {
      case 'quit':
        if ((this.#link?.owed ?? 0) > 0) return false;
        this.#leave('the client said goodbye');
        return true;
      case 'part':
      case 'last':
        return this.#more(unit);
      case 'data':
        // It may be for a copy that the server has not begun yet: its answer decides.
        if (this.#copying === undefined && (this.#link?.owed ?? 0) > 0) return false;
        return this.#copying === undefined || this.#more(unit);
      case 'whole':
      case 'open':
        return this.#place(request);
    }
  }

  /** More bytes of what runs already. */
  #more(unit: Unit): boolean {
    const link = this.#link;
    if (link !== undefined && link.owed > 0 && !link.write(unit.bytes)) this.login.channel.pause();
    return true;
  }

  // ------------------------------------------------------------ where a unit goes

  #place(request: Request): boolean {
    const { unit, intent } = request;
    const transaction = this.#transaction;
    if (transaction?.failedHere === true) return this.#whileFailed(unit, intent);
    if (intent.here && this.#status !== 'failed') return this.#answerHere(unit);
    if (this.#link !== undefined) return this.#onLease(this.#link, request);
    if (transaction?.held !== undefined) {
      if (intent.kind !== 'end' || unit.extent !== 'whole') return this.#seek(request);
      this.#endHere(unit, false);
      return true;
    }
    if (intent.begin?.alone === true && unit.extent === 'whole' && this.#pin === undefined) {
      this.#transaction = {
        held: { unit, begin: intent.begin },
        failedHere: false,
        settingsBefore: this.settings,
      };
      this.#status = 'transaction';
      this.#client.supply(unit, 'transaction', false);
      return true;
    }
    return this.#seek(request);
  }

  /** Answers what only the proxy knows, once all before it has been answered. */
  #answerHere(unit: Unit): boolean {
    if ((this.#link?.owed ?? 0) > 0) return false;
    this.#client.supply(unit, this.#status, false);
    return true;
  }

  /** Ends a transaction of which no server knows. */
  #endHere(unit: Unit, failed: boolean): void {
    this.#transaction = undefined;
    this.#status = 'idle';
    this.#client.supply(unit, 'idle', failed);
  }

  /** The proxy refused a statement of this transaction: as on a server, only its end is taken. */
  #whileFailed(unit: Unit, intent: Intent): boolean {
    if (intent.kind === 'end' && unit.extent === 'whole') this.#endHere(unit, true);
    else this.#refuse(unit, failedTransaction());
    return true;
  }

  #onLease(link: Link, request: Request): boolean {
    const { unit, intent } = request;
    if (link.owed > 0 && this.#resets) return false;
    if (link.owed === 0 && !link.isQuiet) {
      this.#phase = 'settling';
      link.whenQuiet(() => this.#resume());
      return false;
    }
    if (link.settings !== this.settings && link.owed === 0 && this.#status !== 'failed') {
      this.#mend(link);
      return false;
    }
    if (intent.looksBack === true && !this.#wroteHere && this.#pin !== 'session-pooling') {
      if (link.owed > 0) return false;
      this.#refuseHere(link, unit, looksBack(intent.detail));
      return true;
    }
    if (this.#onPrimary) {
      if (intent.kind !== 'read' && !this.#mayWrite()) throw noLongerWritable();
      return this.#send(link, request);
    }
    if (link.owed > 0) {
      // The node may change with the next unit: only a read may follow without knowing how this one ends.
      if (intent.kind !== 'read' || intent.begin !== undefined) return false;
      return this.#send(link, request);
    }
    if (intent.kind === 'read' || intent.kind === 'session' || intent.kind === 'end') {
      return this.#send(link, request);
    }
    this.#refuseHere(link, unit, notOnReplica(intent.because, intent.detail));
    return true;
  }

  /** A unit of a leased link that is never passed on. The transaction has failed, as it would have there. */
  #refuseHere(link: Link, unit: Unit, error: ProxyError): void {
    const before = this.#transaction?.settingsBefore ?? this.settings;
    this.#transaction = { held: undefined, failedHere: true, settingsBefore: before };
    link.send(
      link.server.rollback,
      new Injected(() => {
        this.settings = before;
        link.settings = before;
        this.#release(link);
      }),
      undefined,
    );
    this.#link = undefined;
    link.holder = undefined;
    this.#refuse(unit, error);
  }

  /** Finds a node and a link for a unit while the session has none. */
  #seek(request: Request): boolean {
    const { unit, intent } = request;
    if (intent.looksBack === true && this.#pin !== 'session-pooling') {
      this.#refuse(unit, looksBack(intent.detail));
      return true;
    }
    const { view, rules, clock, accounts, holds } = this.#realm;
    this.#causality?.settle(view, clock.now());
    this.primaryOnly ||= this.#pin !== undefined;
    const way = route(intent, this, view, rules);
    if ('refuse' in way) {
      this.#refuse(unit, way.refuse);
      return true;
    }
    const primary = 'hold' in way || way.to === view.primary;
    if (primary && this.#neverPrimary) {
      this.#refuse(unit, lostTwice());
      return true;
    }
    if ('hold' in way || (primary && intent.kind !== 'read' && !this.#mayWrite())) {
      const why = 'hold' in way ? way.hold : 'this proxy may not write at the moment';
      if (this.#heldSince === 0) this.#heldSince = clock.now();
      const full = holds.add(this, unit.bytes.length, why, this.#heldSince);
      if (full === undefined) {
        this.#phase = 'held';
        return false;
      }
      this.#refuse(unit, full);
      return true;
    }
    if (way.because === 'C02') this.#unstick();
    this.#onPrimary = primary;
    this.#realm.counters.of(way.to).units(way.because).count++;
    this.#dispatcher = accounts.dispatcher(this.account, way.to);
    const link = this.#dispatcher.take();
    if (link !== undefined) return this.#start(link, request);
    const full = this.#dispatcher.wait(this);
    if (full !== undefined) {
      this.#refuse(unit, full);
      return true;
    }
    this.#phase = 'waiting';
    return false;
  }

  /** Compared each time a write is sent, not by a timer: a blocked loop runs sockets before late timers. */
  #mayWrite(): boolean {
    const { writableUntil } = this.#realm.view;
    return writableUntil === Number.POSITIVE_INFINITY || this.#realm.clock.now() <= writableUntil;
  }

  // ------------------------------------------------------------ waiting

  granted(link: Link): void {
    this.#phase = 'flowing';
    const request = this.#pending;
    if (request === undefined) {
      this.#dispatcher?.give(link);
      return;
    }
    if (this.#start(link, request)) this.#pending = undefined;
    this.#advance();
  }

  denied(error: ProxyError): void {
    this.#phase = 'flowing';
    // The view has changed, or a replica does not know the user or database yet: another way is looked for.
    if (error.code === 'NODE_REFUSED' && !this.#onPrimary) this.primaryOnly = true;
    else if (error.code !== 'LINK_LOST') this.#refusePending(error);
    this.#advance();
  }

  connectFailed(error: ProxyError): boolean {
    if (this.#onPrimary || this.#dispatcher === undefined) return false;
    this.exclude = this.#dispatcher.node;
    this.#realm.emit({ kind: 'retried', from: this.#dispatcher.node, because: error.code });
    this.#resume();
    return true;
  }

  released(): void {
    this.#resume();
  }

  expired(error: ProxyError): void {
    this.#phase = 'flowing';
    this.#refusePending(error);
    this.#advance();
  }

  #resume(): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'flowing';
    this.#advance();
  }

  // ------------------------------------------------------------ the link

  /** Leases a link. False: it must be made equal to the session first. */
  #start(link: Link, request: Request): boolean {
    link.holder = this;
    this.#link = link;
    if (link.settings === this.settings && this.#transaction?.held === undefined) {
      return this.#send(link, request);
    }
    if (link.settings !== this.settings) {
      const plan = link.server.adjust(difference(link.settings, this.settings), this.#misled);
      this.#misled = false;
      if (!plan.critical) {
        link.settings = this.settings;
        link.send(plan, IGNORED, undefined);
        return this.#start(link, request);
      }
      this.#phase = 'preparing';
      link.send(plan, new Injected((outcome) => this.#adjusted(link, outcome)), undefined);
      return false;
    }
    this.#sendBegin(link);
    return false;
  }

  #adjusted(link: Link, outcome: Outcome): void {
    if (this.#link !== link) return;
    if (outcome.error !== '') {
      this.#unprepared(link, outcome);
      return;
    }
    link.settings = this.settings;
    if (this.#transaction?.held !== undefined) this.#sendBegin(link);
    else this.#prepared(link);
  }

  /** A unit has put settings back to the server's defaults: the session's own from its start-up hold again. */
  #mend(link: Link): void {
    this.#phase = 'preparing';
    const own = this.settings;
    const mended = new Injected((outcome) => {
      if (this.#link !== link) return;
      if (outcome.error !== '') this.die(settingsRefused(link.target.node, outcome));
      else link.settings = own;
      this.#resume();
    });
    this.#misled = false;
    link.send(link.server.adjust(difference(link.settings, own), true), mended, undefined);
  }

  /** The BEGIN that was held back goes out; the statement waits for its answer, or it might run alone. */
  #sendBegin(link: Link): void {
    const held = this.#transaction?.held;
    if (held === undefined) return;
    this.#phase = 'preparing';
    link.send(
      this.#client.opening(held.unit),
      new Injected((outcome) => {
        if (this.#link !== link || this.#transaction === undefined) return;
        if (outcome.error !== '' || outcome.status !== 'transaction') {
          this.#unprepared(link, outcome);
          return;
        }
        this.#transaction.held = undefined;
        this.#prepared(link);
      }),
      undefined,
    );
  }

  #prepared(link: Link): void {
    const request = this.#pending;
    this.#phase = 'flowing';
    if (request !== undefined && this.#send(link, request)) this.#pending = undefined;
    this.#advance();
  }

  /** The server refused to become like the session: on a replica the primary decides, on the primary the client hears. */
  #unprepared(link: Link, outcome: Outcome): void {
    const error = settingsRefused(link.target.node, outcome);
    if (outcome.status !== 'idle') link.dirty = true;
    const pinned = this.#pin !== undefined;
    this.#release(link);
    this.#phase = 'flowing';
    if (this.#onPrimary || pinned) this.#refusePending(error);
    else this.primaryOnly = true;
    this.#advance();
  }

  /** False: not before the link has answered what it owes. */
  #send(link: Link, request: Request): boolean {
    const plan = this.#client.plan(request.unit, link.server, link.owed > 0);
    if (plan === undefined) return false;
    this.#began = false;
    this.#heldSince = 0;
    this.#resets = this.#mayReset(request.intent);
    if (!link.send(plan, this, request)) this.login.channel.pause();
    return true;
  }

  /** Nothing may follow this unit before its end is known: it may undo what the session asked for at start-up. */
  #mayReset(intent: Intent): boolean {
    const { values } = this.login.settings;
    if (values.size === 0) return false;
    if (intent.kind === 'session' && intent.audit) return true;
    return intent.settings.some(({ name, value }) => value === null && values.has(name));
  }

  linkDrained(): void {
    if (!this.#paused) this.login.channel.resume();
  }

  linkAside(_link: Link, bytes: Buffer): void {
    this.login.channel.write(bytes);
  }

  // ------------------------------------------------------------ replies

  replyBytes(link: Link, bytes: Buffer): void {
    this.#began = true;
    this.#realm.counters.bytesToClients += bytes.length;
    if (this.login.channel.write(bytes)) return;
    this.#stalled = true;
    link.pause();
  }

  replyRefused(link: Link, entry: Entry, code: string): boolean {
    if (entry.request?.intent.kind !== 'read' || this.#onPrimary || this.#retried) return false;
    if (link.owed > 1 || this.inTransaction || this.#pin !== undefined) return false;
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

  replyDone(link: Link, entry: Entry, outcome: Outcome): void {
    if (this.#link !== link) return;
    this.#began = false;
    if (this.#copying !== undefined) {
      this.#client.copying(this.#copying, false);
      this.#copying = undefined;
    }
    if (this.#again !== undefined) {
      this.#takeBack(link, entry, this.#again);
      return;
    }
    if (entry.request !== undefined) this.#complete(link, entry.request.intent, outcome);
    if (link.owed === 0 && outcome.status === 'idle') this.#settle(link);
    this.#advance();
  }

  /** A read that this node refused, nothing of it delivered, goes elsewhere. */
  #takeBack(link: Link, entry: Entry, where: 'primary' | 'replica'): void {
    this.#again = undefined;
    this.#retried = true;
    if (where === 'primary') this.primaryOnly = true;
    else this.exclude = link.target.node;
    this.#unstick();
    this.#release(link);
    this.#pending = entry.request;
    this.#advance();
  }

  /** Keeps what a completed unit changed. */
  #complete(link: Link, intent: Intent, outcome: Outcome): void {
    const { status, error } = outcome;
    const before = this.#status;
    this.#status = status;
    if (status !== 'idle' && before === 'idle' && this.#transaction === undefined) {
      this.#transaction = { held: undefined, failedHere: false, settingsBefore: this.settings };
    }
    this.#resets = false;
    if (intent.settings.length > 0) this.#keepSettings(link, intent, error);
    for (const name of intent.asked ?? []) this.#touched.add(name);
    if (status === 'idle' && this.#transaction !== undefined) {
      this.#transactionOver(link, this.#transaction.settingsBefore, intent, outcome);
    }
    // What an error has spared can be asked, unless no view shows it.
    if (intent.pin !== undefined && (error === '' || !auditSees(intent.pin))) this.#setPin(intent.pin);
    if (intent.audit || (outcome.settingChanged && intent.settings.length === 0)) this.#auditDue = true;
    if (intent.kind === 'write') this.#wroteHere = true;
    if (this.#onPrimary) {
      if (intent.kind === 'write' || intent.kind === 'end') this.#wrote();
      this.#noteNames(intent, status);
    } else if (status === 'idle') {
      this.#stick(link.target.node);
    }
    this.#retried = false;
    this.exclude = undefined;
    this.primaryOnly = false;
    this.#neverPrimary = false;
  }

  #keepSettings(link: Link, intent: Intent, error: string): void {
    for (const { name } of intent.settings) this.#touched.add(name);
    if (error === '') this.#setSettings(link, changed(link.settings, intent.settings));
  }

  /** A rollback puts the settings back. Where more ran than the end itself, the server is asked what holds. */
  #transactionOver(link: Link, before: Settings, intent: Intent, outcome: Outcome): void {
    this.#transaction = undefined;
    if (this.settings === before && link.settings === before) return;
    if (intent.kind !== 'end') this.#auditDue = true;
    if (outcome.rolledBack || outcome.error !== '') this.#setSettings(link, before);
  }

  /** `left`: what holds on the link. */
  #setSettings(link: Link, left: Settings): void {
    link.settings = left;
    this.settings = ownSettings(left, this.login.settings);
    if (link.settings !== this.settings) this.#misled = true;
  }

  /** A change of the schema is seen by others at its COMMIT: the catalogue is read again then. */
  #noteNames(intent: Intent, status: TransactionStatus): void {
    const { names } = intent;
    if (names === 'changed') this.#schemaChanged = true;
    // The names of temporary tables are in no catalogue, however often it is read.
    else if (names === 'missed' && this.#pin !== 'temporary-object')
      this.#realm.stale(this.account, 'missed');
    if (!this.#schemaChanged || (names !== 'changed' && status !== 'idle')) return;
    this.#realm.stale(this.account, 'changed');
    if (status === 'idle') this.#schemaChanged = false;
  }

  #wrote(): void {
    if (this.level !== 'session') return;
    this.#causality ??= new Causality();
    this.#causality.wrote(this.#realm.clock.now());
  }

  #stick(node: NodeId): void {
    if (this.level !== 'session' || this.#causality?.sticky === node) return;
    this.#causality ??= new Causality();
    if (this.#causality.sticky !== undefined) this.#realm.settled(this.#causality.sticky, -1);
    this.#causality.sticky = node;
    this.#realm.settled(node, 1);
  }

  #unstick(): void {
    if (this.#causality?.sticky === undefined) return;
    this.#realm.settled(this.#causality.sticky, -1);
    this.#causality.left(this.#realm.clock.now());
  }

  #setPin(reason: PinReason): void {
    // A pin that ends only with the session stays.
    if (this.#pin === reason || (this.#pin !== undefined && !auditSees(this.#pin))) return;
    if (this.#pin !== undefined) this.#realm.counters.pinned(this.#pin).count--;
    this.#pin = reason;
    this.#realm.counters.pinned(reason).count++;
    this.#realm.emit({ kind: 'pinned', reason, user: this.login.user, database: this.login.database });
  }

  #unpin(): void {
    if (this.#pin === undefined) return;
    this.#realm.counters.pinned(this.#pin).count--;
    this.#pin = undefined;
  }

  /** Nothing is owed and no transaction is open: the link goes back, unless something was left on it. */
  #settle(link: Link): void {
    if (!this.#auditDue) {
      if (this.#pin === undefined) this.#release(link);
      return;
    }
    this.#auditDue = false;
    this.#phase = 'settling';
    if (link.isQuiet) this.#audit(link);
    else link.whenQuiet(() => this.#audit(link));
  }

  #audit(link: Link): void {
    if (this.#link !== link) return;
    const { values } = link.settings;
    link.send(
      link.server.audit([...this.#touched, ...values.keys()], this.login.settings),
      new Injected((outcome) => {
        if (this.#link !== link) return;
        this.#audited(link, outcome);
        this.#resume();
      }),
      undefined,
    );
  }

  #audited(link: Link, outcome: Outcome): void {
    if (outcome.error !== '') {
      // What was left stays unknown: it stays where it is.
      this.#auditDue = true;
      this.#setPin('not-audited');
      return;
    }
    const found = link.server.audited(outcome);
    this.#setSettings(link, found.settings);
    if (this.#pin === undefined || auditSees(this.#pin)) {
      if (found.pin === undefined) this.#unpin();
      else this.#setPin(found.pin);
    }
    if (this.#pin === undefined) this.#releasePlain(link);
  }

  /** Users' code may have run on the link: it goes back without any settings, for no audit sees them all. */
  #releasePlain(link: Link): void {
    const dispatcher = this.#dispatcher;
    this.#part(link);
    const plain = new Injected((outcome) => {
      if (outcome.error !== '' || outcome.status !== 'idle') link.dirty = true;
      link.settings = noSettings;
      dispatcher?.give(link);
    });
    link.send(link.server.plain, plain, undefined);
  }

  #release(link: Link): void {
    this.#part(link);
    this.#dispatcher?.give(link);
  }

  /** Ends the lease. */
  #part(link: Link): void {
    this.#touched.clear();
    this.#wroteHere = false;
    link.holder = undefined;
    if (this.#link === link) this.#link = undefined;
    if (this.#stalled) {
      this.#stalled = false;
      link.resume();
    }
  }

  #unstall(): void {
    if (!this.#stalled) return;
    this.#stalled = false;
    this.#link?.resume();
  }

  // ------------------------------------------------------------ failures

  /** Reports an error as the answer to a unit that was not sent. */
  #refuse(unit: Unit, error: ProxyError): void {
    this.#realm.emit({ kind: 'client-error', code: error.code, message: error.message });
    this.#heldSince = 0;
    this.exclude = undefined;
    this.primaryOnly = false;
    this.#neverPrimary = false;
    this.#retried = false;
    if (unit.extent === 'open') {
      this.die(error);
      return;
    }
    const transaction = this.#transaction;
    if (transaction !== undefined && this.#link === undefined) {
      transaction.held = undefined;
      transaction.failedHere = true;
      this.#status = 'failed';
    }
    this.#client.fail(error, this.#status);
  }

  #refusePending(error: ProxyError): void {
    const request = this.#pending;
    this.#pending = undefined;
    if (request !== undefined) this.#refuse(request.unit, error);
  }

  linkLost(link: Link, loss: Loss): void {
    if (this.#link !== link) return;
    this.#link = undefined;
    this.#stalled = false;
    this.#copying = undefined;
    this.#resets = false;
    this.#wroteHere = false;
    this.#touched.clear();
    // It may have been waiting for this link to drain.
    if (!this.#paused) this.login.channel.resume();
    const owed: Request[] = [];
    for (const { request } of loss.owed) if (request !== undefined) owed.push(request);
    const held = this.#transaction?.held !== undefined;
    const inTransaction = this.inTransaction && !held;
    const pinned = this.#pin !== undefined && this.#pin !== 'session-pooling';
    if (this.#phase === 'preparing' && !inTransaction && !pinned) {
      // Nothing of the unit was sent; what was injected has no effect.
      this.#resume();
      return;
    }
    const verdict = judgeLoss({
      node: link.target.node,
      words: loss.words,
      owed: owed.map(({ intent }) => intent),
      began: this.#began,
      inTransaction,
      pinned: this.#pin !== undefined || this.#phase === 'settling',
      retried: this.#retried,
    });
    const only = owed[0];
    if (!verdict.again || only === undefined) {
      this.die(verdict.again ? loss.error : verdict.error);
      return;
    }
    this.#realm.emit({ kind: 'retried', from: link.target.node, because: 'link-lost' });
    this.#retried = true;
    this.exclude = link.target.node;
    // It may have been this read that the server died of: never on the primary then.
    this.#neverPrimary = !loss.orderly;
    this.#unstick();
    this.#pending = only;
    this.#resume();
  }

  /** The client asks to cancel what the session runs. Strikes only its own unit, and never a COMMIT in flight. */
  cancel(): void {
    if (this.#phase === 'waiting' || this.#phase === 'held') {
      this.#stopWaiting();
      this.#phase = 'flowing';
      this.#refusePending(cancelled());
      this.#advance();
      return;
    }
    const link = this.#link;
    const running = link?.running;
    if (link === undefined || running?.owner !== this || running.request?.intent.kind === 'end') return;
    link.cancel(this.#realm.wire, AbortSignal.timeout(CANCEL_WITHIN));
  }

  /** Reports an error and ends the session. */
  die(error: ProxyError): void {
    if (this.#phase === 'closed') return;
    this.#realm.emit({ kind: 'client-error', code: error.code, message: error.message });
    this.#client.die(error);
    this.#leave(error.code);
  }

  /** Ends the session: what ran is cancelled, what was open is rolled back, what was left is cleaned. */
  #leave(reason: string): void {
    if (this.#phase === 'closed') return;
    this.#stopWaiting();
    this.#phase = 'closed';
    this.#pending = undefined;
    this.#unpin();
    if (this.#causality?.sticky !== undefined) this.#realm.settled(this.#causality.sticky, -1);
    const link = this.#link;
    this.#link = undefined;
    if (link !== undefined) this.#abandon(link);
    this.login.channel.end();
    this.#realm.emit({
      kind: 'client-closed',
      user: this.login.user,
      database: this.login.database,
      reason,
    });
    this.#closed(this);
  }

  #abandon(link: Link): void {
    link.holder = undefined;
    // What the proxy itself has asked behind the last answer (an audit) may end by itself.
    const running = link.running?.request;
    if (running !== undefined || this.inTransaction) {
      // What waits for more of its client, or commits, ends with the connection alone.
      const ends = running?.unit.extent === 'whole' && running.intent.kind !== 'end';
      if (!ends || this.#copying !== undefined) {
        link.fail(abandoned());
        return;
      }
      if (this.#stalled) link.resume();
      link.abandon(this.#realm.wire, this.#realm.clock, abandoned());
      return;
    }
    const dispatcher = this.#dispatcher;
    const clean = (outcome: Outcome): void => {
      if (outcome.error !== '' || outcome.status !== 'idle') link.dirty = true;
      link.settings = noSettings;
      if (this.#stalled) link.resume();
      dispatcher?.give(link);
    };
    link.send(link.server.reset, new Injected(clean), undefined);
  }

  #stopWaiting(): void {
    if (this.#phase === 'waiting') this.#dispatcher?.forget(this);
    if (this.#phase === 'held') this.#realm.holds.forget(this);
  }
}

/** Of pieces of a unit: what they want was said by its beginning. */
const NO_INTENT: Intent = {
  kind: 'session',
  because: '',
  detail: '',
  hint: undefined,
  begin: undefined,
  settings: [],
  pin: undefined,
  audit: false,
  here: false,
  names: 'known',
};

/** For injected plans whose reply decides nothing. */
const IGNORED = new Injected(() => undefined);
