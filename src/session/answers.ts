import type { Intent } from '../core/intent.ts';
import type { Elsewhere, Outcome, Unit } from '../core/wire.ts';
import type { Entry, Link, Loss, ReplyOwner, Request } from '../pool/link.ts';
import type { Kit } from './kit.ts';
import type { Lease } from './lease.ts';
import type { Tenancy } from './tenancy.ts';
import type { Transaction } from './transaction.ts';

/**
 * The answers to what a session has sent on its lease: passes them to the client, keeps what is known of the one under
 * way, and what each unit has changed.
 */
export class Answers implements ReplyOwner {
  readonly #kit: Kit;
  readonly #tenancy: Tenancy;
  /** A unit on its way may put settings back to what they were at start-up: the next one waits for its end. */
  #resets = false;
  /** The BEGIN that went out right in front of the unit under way. */
  #opened: Transaction['held'];
  /** Something of the answer under way has been given to the client; how much, and since when it is awaited. */
  #began = false;
  #bytes = 0;
  /** In monotonic ms; 0: it did not run alone. */
  #sentAt = 0;
  /** The server takes copy data from this unit. */
  #copying: Unit | undefined;
  /** The unit under way comes back when its answer ends, nothing of it delivered: where it runs next. */
  #again: Elsewhere | undefined;

  constructor(kit: Kit, tenancy: Tenancy) {
    this.#kit = kit;
    this.#tenancy = tenancy;
  }

  get resets(): boolean {
    return this.#resets;
  }

  get began(): boolean {
    return this.#began;
  }

  /** The unit under way will run elsewhere: nothing may follow it here. */
  get comesBack(): boolean {
    return this.#again !== undefined;
  }

  get isCopying(): boolean {
    return this.#copying !== undefined;
  }

  /** A unit goes out. `held`: the BEGIN in front of it; `alone`: the link owes nothing else. */
  expect(intent: Intent, held: Transaction['held'], alone: boolean): void {
    const { realm, state } = this.#kit;
    this.#opened = held;
    this.#again = undefined;
    this.#began = false;
    this.#bytes = 0;
    if (intent.cost !== undefined) this.#sentAt = alone ? realm.clock.now() : 0;
    this.#resets = state.mayReset(intent);
  }

  /** The link was shared until now, and the answer that comes next may have begun there. */
  takeOver(began: boolean, again: Elsewhere | undefined): void {
    this.#began = began;
    this.#again = again;
    this.#sentAt = 0;
  }

  /** The link is gone. Gives what the session is still owed of it, oldest first. */
  lost({ owed }: Loss): Request[] {
    this.#again = undefined;
    this.#copying = undefined;
    this.#resets = false;
    this.#holdAgain(owed);
    // Behind it there may be what others sent while they shared the link.
    return owed.flatMap(({ request, owner }) => (owner === this && request ? request : []));
  }

  /** A transaction of which nothing but a read was sent with its BEGIN has not begun for anybody. */
  #holdAgain(owed: readonly Entry[]): void {
    const { transaction } = this.#kit.state;
    const opened = this.#opened;
    this.#opened = undefined;
    if (transaction === undefined || opened === undefined || this.#began || owed.length !== 1) return;
    if (owed[0]?.request?.intent.kind === 'read') transaction.held = opened;
  }

  // ------------------------------------------------------------ ReplyOwner

  replyBytes(link: Link, bytes: Buffer): void {
    const { realm, state } = this.#kit;
    this.#began = true;
    this.#bytes += bytes.length;
    realm.counters.of(link.target.node).bytesFromServer += bytes.length;
    realm.counters.bytesToClients += bytes.length;
    if (!state.login.channel.write(bytes)) this.#tenancy.lease?.stall();
  }

  replyRefused(link: Link, { request }: Entry, code: string): boolean {
    const { lease } = this.#tenancy;
    if (request === undefined || lease === undefined || link.owed > 1) return false;
    this.#again = this.#kit.bearings.elsewhere(link.target.node, lease.onPrimary, request.intent, code);
    return this.#again !== undefined;
  }

  replyCopyIn(_link: Link, { request }: Entry): void {
    if (request === undefined) return;
    this.#copying = request.unit;
    this.#kit.client.copying(request.unit, true);
    this.#kit.backlog.advance();
  }

  replyDone(link: Link, entry: Entry, outcome: Outcome): void {
    try {
      this.#done(link, entry, outcome);
    } catch (thrown) {
      this.#kit.session.fail(thrown);
    }
  }

  #done(link: Link, { request, ahead }: Entry, outcome: Outcome): void {
    const { lease } = this.#tenancy;
    if (lease?.link !== link || request === undefined) return;
    if (ahead) {
      // It was sent while others shared the link.
      this.#tenancy.leaseAhead(lease, outcome);
      return;
    }
    this.#over(request.intent, lease);
    const again = this.#again;
    if (again !== undefined) {
      this.#again = undefined;
      this.#kit.backlog.putBack([request]);
      this.#tenancy.moveOn(lease, again);
      return;
    }
    this.#keep(lease, request.intent, outcome);
    if (this.ask(lease, request.unit, outcome)) return;
    this.#tenancy.settle(lease);
    this.#kit.backlog.advance();
  }

  /** The answer is complete. */
  #over({ cost }: Intent, lease: Lease): void {
    const { realm, client } = this.#kit;
    this.#began = false;
    this.#opened = undefined;
    if (cost !== undefined && this.#sentAt > 0)
      cost.alone(realm.clock.now() - this.#sentAt, this.#bytes, lease.busy);
    if (this.#copying === undefined) return;
    client.copying(this.#copying, false);
    this.#copying = undefined;
  }

  /** Keeps what a completed unit changed. */
  #keep(lease: Lease, intent: Intent, outcome: Outcome): void {
    const { state, bearings } = this.#kit;
    // The one that may reset was sent last, for nothing follows it.
    if (lease.link.owed === 0) this.#resets = false;
    if (intent.settings.length > 0) lease.touch(intent.settings.map(({ name }) => name));
    if (intent.asked !== undefined) lease.touch(intent.asked);
    if (intent.kind === 'write') lease.wroteHere = true;
    state.complete(lease.link, intent, outcome);
    if (lease.onPrimary) {
      if (intent.kind === 'write' || intent.kind === 'end') bearings.wrote();
      state.noteNames(intent);
    } else if (outcome.status === 'idle') {
      bearings.stick(lease.link.target.node);
    }
    bearings.over();
  }
  /** Asks what must be known of a unit right behind it. False: there is nothing to ask. */
  ask(lease: Lease, unit: Unit, outcome: Outcome): boolean {
    const { client, backlog } = this.#kit;
    const question = client.completed(unit, outcome);
    if (question === undefined) return false;
    backlog.block('settling');
    lease.ask(question);
    return true;
  }
}
