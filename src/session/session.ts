import type { ChannelHandler } from '../core/channel.ts';
import { asProxyError, type ProxyError } from '../core/errors.ts';
import type { PinReason } from '../core/intent.ts';
import type { Greeting, Login, SessionKey, Unit } from '../core/wire.ts';
import type { Account } from '../pool/accounts.ts';
import type { Request } from '../pool/link.ts';
import { Backlog, type Taker } from './backlog.ts';
import { Bearings } from './bearings.ts';
import { ended, failedTransaction } from './complaints.ts';
import { Course } from './course.ts';
import type { Kit, Spokesman } from './kit.ts';
import type { Realm } from './realm.ts';
import { SessionState } from './state.ts';
import { unasked } from './unasked.ts';

/**
 * One client's life after its start-up: its bytes, what is answered in the proxy's own name, and its end. Knows no
 * protocol. What the client has sent and nobody has taken yet is its backlog; what it carries from link to link is its
 * state, where it may go its bearings, and where its units go its course.
 */
export class Session implements ChannelHandler, Taker, Spokesman {
  readonly login: Login;
  readonly key: SessionKey;
  readonly account: Account;
  readonly #kit: Kit;
  readonly #course: Course;
  readonly #closed: (session: Session) => void;

  constructor(
    realm: Realm,
    login: Login,
    key: SessionKey,
    account: Account,
    greeting: Greeting,
    closed: (session: Session) => void,
  ) {
    this.login = login;
    this.key = key;
    this.account = account;
    this.#closed = closed;
    const client = realm.wire.client(login);
    const state = new SessionState(realm, login, account, greeting);
    const bearings = new Bearings(realm, state);
    const backlog = new Backlog(client, state, this);
    this.#kit = { realm, client, state, bearings, backlog, session: this };
    this.#course = new Course(this.#kit);
  }

  get pin(): PinReason | undefined {
    return this.#kit.state.pin;
  }

  // ------------------------------------------------------------ the client's bytes

  bytes(chunk: Buffer): void {
    if (this.#isOver) return;
    const { realm, backlog } = this.#kit;
    realm.counters.bytesFromClients += chunk.length;
    backlog.push(chunk);
  }

  drained(): void {
    this.#course.drained();
    this.#kit.backlog.advance();
  }

  closed(): void {
    this.#course.drained();
    // What was sent before the goodbye is carried out, as a server does; the goodbye then ends the session.
    const { backlog, client } = this.#kit;
    if (backlog.oldest?.unit.extent === 'quit' || client.saysGoodbye) backlog.advance();
    else this.#leave('the client closed the connection');
  }

  take(request: Request): boolean {
    const { unit } = request;
    switch (unit.extent) {
      case 'quit':
        if (this.#course.owed > 0) return false;
        this.#leave('the client said goodbye');
        return true;
      case 'relogin':
        if (this.#course.owed > 0) return false;
        this.#logInAnew(unit);
        return true;
      case 'part':
      case 'last':
        return this.#course.more(unit);
      case 'data':
        return this.#course.data(unit);
      case 'whole':
      case 'open':
        return this.#place(request);
    }
  }

  // ------------------------------------------------------------ answers of the proxy's own

  #place(request: Request): boolean {
    const { transaction, status } = this.#kit.state;
    if (transaction?.failedHere === true) return this.#whileFailed(request);
    if (request.intent.here && status !== 'failed') return this.#answer(request);
    if (!this.#course.isBound && this.#answerAlone(request)) return true;
    return this.#course.place(request);
  }

  /** The proxy refused a statement of this transaction: as on a server, only its end is taken. */
  #whileFailed(request: Request): boolean {
    const { unit, intent } = request;
    if (intent.kind === 'end' && unit.extent === 'whole') this.#endHere(unit, true);
    else this.refuse(request, failedTransaction());
    return true;
  }

  /** Answers what only the proxy knows, once all before it has been answered. */
  #answer({ unit, intent }: Request): boolean {
    if (this.#course.owed > 0) return false;
    const { realm, client, state, backlog } = this.#kit;
    const refused = intent.strikes && realm.strike(this, intent.strikes, () => backlog.resume());
    if (refused === 'asked') {
      backlog.block('settling');
      return false;
    }
    if (this.#isOver) return true;
    if (refused === undefined) client.supply(unit, state.status, false);
    else client.fail(refused, state.status);
    return true;
  }

  /** What concerns a session that no server knows at the moment. False: a server has to be found for it. */
  #answerAlone({ unit, intent }: Request): boolean {
    const { client, state } = this.#kit;
    const { transaction, pin } = state;
    const whole = unit.extent === 'whole';
    if (intent.resets === true) {
      state.resetHere(intent);
      client.supply(unit, 'idle', false);
    } else if (transaction?.held !== undefined) {
      if (intent.kind !== 'end' || !whole) return false;
      this.#endHere(unit, false);
    } else {
      if (intent.begin?.alone !== true || !whole || pin !== undefined) return false;
      state.holdBegin(unit, intent.begin);
      client.supply(unit, 'transaction', false);
    }
    return true;
  }

  /** Ends a transaction of which no server knows. */
  #endHere(unit: Unit, failed: boolean): void {
    this.#kit.state.endHere();
    this.#kit.client.supply(unit, 'idle', failed);
  }

  refuse({ unit, recalled }: Request, error: ProxyError): void {
    const { realm, client, state, bearings } = this.#kit;
    if (recalled) {
      client.learned(unasked);
      return;
    }
    realm.emit({ kind: 'client-error', code: error.code, message: error.message });
    this.#course.approach.over();
    bearings.over();
    if (unit.extent === 'open') {
      this.die(error);
      return;
    }
    if (this.#course.lease === undefined) state.failHere();
    client.fail(error, state.status);
  }

  // ------------------------------------------------------------ the end

  /** Another session ends this one. */
  end(): void {
    this.die(ended());
  }

  /** The client asks to cancel what the session runs. */
  cancel(): void {
    this.#course.cancel();
  }

  die(error: ProxyError): void {
    if (this.#isOver) return;
    const { realm, client } = this.#kit;
    realm.emit({ kind: 'client-error', code: error.code, message: error.message });
    client.die(error);
    this.#leave(error.code);
  }

  fail(thrown: unknown): void {
    this.die(asProxyError(thrown, 'PROTOCOL', 'client'));
  }

  /** The client is to be somebody else: the session is over, its connection is not. */
  #logInAnew(unit: Unit): void {
    const { realm, client } = this.#kit;
    const unread = client.unread();
    this.#part('the client logs in anew');
    this.login.channel.detach(unread);
    realm.logInAnew(this.login, unit, this.key.id);
  }

  /** Ends the session. */
  #leave(reason: string): void {
    if (this.#isOver) return;
    this.#part(reason);
    this.login.channel.end();
  }

  /** Gives up all that the session has, but for its client. */
  #part(reason: string): void {
    const { realm, state, backlog } = this.#kit;
    backlog.close();
    this.#course.end();
    state.unpin();
    const { user, database } = this.login;
    realm.emit({ kind: 'client-closed', user, database, reason });
    this.#closed(this);
  }

  get #isOver(): boolean {
    return this.#kit.backlog.phase === 'closed';
  }
}
