import type { Elsewhere, Outcome, Unit } from '../core/wire.ts';
import type { LinkHome } from '../pool/lane.ts';
import type { Link, Loss, Request } from '../pool/link.ts';
import { Answers } from './answers.ts';
import type { Found } from './approach.ts';
import { refusedByServer, settingsRefused, stateLost } from './complaints.ts';
import type { Course } from './course.ts';
import type { Kit } from './kit.ts';
import { Lease, type Lessee } from './lease.ts';
import { judgeLoss } from './loss.ts';
import { unasked } from './unasked.ts';

/** A session's units on a link of its own: one lease after another, each until nothing keeps the session there. */
export class Tenancy implements Lessee {
  readonly answers: Answers;
  readonly #kit: Kit;
  readonly #course: Course;
  #lease: Lease | undefined;

  constructor(kit: Kit, course: Course) {
    this.#kit = kit;
    this.#course = course;
    this.answers = new Answers(kit, this);
  }

  get lease(): Lease | undefined {
    return this.#lease;
  }

  /** The link is the session's. */
  begin(home: LinkHome, link: Link, onPrimary: boolean): Lease {
    const lease = new Lease(this.#kit, this, home, link, onPrimary);
    this.#lease = lease;
    return lease;
  }

  #release(lease: Lease): void {
    this.#lease = undefined;
    lease.release();
  }

  // ------------------------------------------------------------ a unit goes out

  /** False: the unit waits until the link is equal to the session. */
  start({ dispatcher, link, onPrimary }: Found, request: Request): boolean {
    const lease = this.begin(dispatcher, link, onPrimary);
    if (request.intent.kind === 'read') return this.prepare(lease, request);
    // The server may have died, and its last words may be among what this turn of the event loop has still to read:
    // a write that was not sent yet can wait for another primary, one that was sent is unknown.
    this.#kit.backlog.block('preparing');
    setImmediate(turnOver, this, lease);
    return false;
  }

  /** All that had arrived has been read, and the link is still there. */
  goOn(lease: Lease): void {
    const { backlog, session } = this.#kit;
    const { oldest } = backlog;
    if (this.#lease !== lease || backlog.phase !== 'preparing' || oldest === undefined) return;
    backlog.unblock();
    try {
      if (this.prepare(lease, oldest)) backlog.drop();
    } catch (thrown) {
      session.fail(thrown);
    }
    backlog.advance();
  }

  /** False: the unit waits until the link is equal to the session. */
  prepare(lease: Lease, request: Request): boolean {
    const prepared = lease.prepare();
    if (prepared === 'ready') return this.send(lease, request);
    if (prepared === 'never') return this.#another(lease, request);
    this.#kit.backlog.block('preparing');
    return false;
  }

  /** The link can never be like the session: it closes, and another one is found. */
  #another(lease: Lease, request: Request): boolean {
    const { pin, isOpenOnServer } = this.#kit.state;
    if (pin !== undefined || isOpenOnServer) throw stateLost();
    lease.link.dirty = true;
    this.#release(lease);
    return this.#course.seek(request);
  }

  /** False: not before the link has answered what it owes. */
  send(lease: Lease, request: Request): boolean {
    const { realm, client, state, backlog } = this.#kit;
    const { link } = lease;
    const { transaction } = state;
    const held = transaction?.held;
    const plan =
      held === undefined
        ? client.plan(request.unit, link.server, link.owed > 0)
        : client.openedBy(held.unit, request.unit, link.server);
    if (plan === undefined) {
      if (held === undefined) return false;
      // The statement waits for the answer to its BEGIN, or it might run alone.
      backlog.block('preparing');
      lease.sendBegin(held.unit);
      return false;
    }
    if (transaction !== undefined) transaction.held = undefined;
    if (plan.before === true) {
      backlog.block('preparing');
      lease.sendFirst(plan);
      return false;
    }
    if (request.recalled) {
      backlog.block('preparing');
      lease.repeat(plan);
      return false;
    }
    this.answers.expect(request.intent, held, link.owed === 0);
    this.#course.approach.over();
    realm.counters.of(link.target.node).bytesToServer += plan.bytes.length;
    if (!link.send(plan, this.answers, request)) backlog.linkFull();
    return true;
  }

  /** More bytes of what runs already. */
  more({ bytes }: Unit): void {
    const link = this.#lease?.link;
    if (link !== undefined && link.owed > 0 && !link.write(bytes)) this.#kit.backlog.linkFull();
  }

  // ------------------------------------------------------------ what the lease says

  leaseReady(lease: Lease): void {
    const { bearings, backlog } = this.#kit;
    const { oldest } = backlog;
    backlog.unblock();
    if (oldest !== undefined) {
      const mayMove = lease.link.owed === 0 && bearings.mayRunElsewhere(lease.onPrimary, oldest.intent);
      if (mayMove && backlog.isOutdated) {
        this.moveOn(lease, 'primary');
        return;
      }
      if (this.send(lease, oldest)) backlog.drop();
    }
    backlog.advance();
  }

  leaseAhead(lease: Lease, outcome: Outcome): void {
    if (outcome.error === '') this.leaseReady(lease);
    else this.#barred(lease, outcome);
  }

  /** As if the oldest unit itself had been refused: it may run elsewhere, or that is its answer. */
  #barred(lease: Lease, outcome: Outcome): void {
    const { state, bearings, backlog, session } = this.#kit;
    const { oldest } = backlog;
    const { node } = lease.link.target;
    backlog.unblock();
    if (oldest === undefined) return;
    const mayMove = lease.link.owed === 0;
    const where = mayMove
      ? bearings.elsewhere(node, lease.onPrimary, oldest.intent, outcome.error)
      : undefined;
    if (where !== undefined) {
      this.moveOn(lease, where);
      return;
    }
    backlog.drop();
    session.refuse(oldest, refusedByServer(node, outcome));
    if (state.status === 'idle' && state.pin === undefined && this.#lease === lease) this.#release(lease);
    backlog.advance();
  }

  /** On a replica the primary decides; on the primary the client hears. */
  leaseRefused(lease: Lease, outcome: Outcome): void {
    const { state, bearings, backlog, session } = this.#kit;
    const error = settingsRefused(lease.link.target.node, outcome);
    if (state.pin !== undefined || state.isOpenOnServer) {
      // What the session keeps here cannot go on under settings that are not its own.
      session.die(error);
      return;
    }
    if (outcome.status !== 'idle') lease.link.dirty = true;
    this.#release(lease);
    backlog.unblock();
    const { oldest } = backlog;
    if (!lease.onPrimary) bearings.primaryOnly = true;
    else if (oldest !== undefined) {
      backlog.drop();
      session.refuse(oldest, error);
    }
    backlog.advance();
  }

  leaseRepeated(lease: Lease, outcome: Outcome): void {
    const { client, backlog } = this.#kit;
    const { oldest } = backlog;
    backlog.drop();
    backlog.unblock();
    if (oldest !== undefined && this.answers.ask(lease, oldest.unit, outcome)) return;
    client.learned(unasked);
    this.settle(lease);
    backlog.advance();
  }

  leaseTold(lease: Lease): void {
    const { backlog } = this.#kit;
    backlog.unblock();
    this.settle(lease);
    backlog.advance();
  }

  leaseSettled(): void {
    const { state, backlog } = this.#kit;
    if (state.pin === undefined) this.#lease = undefined;
    backlog.resume();
  }

  leaseIdle(): void {
    const { backlog } = this.#kit;
    // What waited for this goes first: on another link it would wait for the same again.
    backlog.advance();
    if (this.#lease !== undefined && backlog.phase === 'flowing') this.settle(this.#lease);
  }

  leaseDrained(): void {
    this.#kit.backlog.linkDrained();
  }

  // ------------------------------------------------------------ after a unit

  /** Once nothing is owed and no transaction is open, the link goes back, unless something was left on it. */
  settle(lease: Lease): void {
    const { state, backlog } = this.#kit;
    if (lease.link.owed > 0 || state.inTransaction) return;
    if (state.auditDue) {
      state.auditDue = false;
      backlog.block('settling');
      lease.audit();
    } else if (state.pin === undefined) {
      this.#release(lease);
    }
  }

  /** The oldest unit is a read that this node refused, nothing of it delivered: it goes elsewhere. */
  moveOn(lease: Lease, where: Elsewhere): void {
    this.#kit.bearings.refusedBy(lease.link.target.node, where);
    this.#release(lease);
    this.#kit.backlog.advance();
  }

  /** Ends the open transaction without a trace, and the lease. */
  rollBack(lease: Lease): void {
    this.#lease = undefined;
    lease.rollback();
  }

  leaseLost(lease: Lease, loss: Loss): void {
    const { realm, state, bearings, backlog, session } = this.#kit;
    this.#lease = undefined;
    // It may have been waiting for this link to drain.
    backlog.linkDrained();
    const owed = this.answers.lost(loss);
    const [only] = owed;
    const inTransaction = state.isOpenOnServer;
    const nothing = backlog.phase === 'preparing' || (backlog.phase === 'flowing' && only === undefined);
    // What is left there, the server has not been asked yet, or has not said.
    const settling = state.auditDue || backlog.phase === 'settling';
    if (nothing && !inTransaction && !state.keepsState && !settling) {
      // Nothing of the unit was sent; what was injected has no effect.
      backlog.resume();
      return;
    }
    const { node } = lease.link.target;
    const verdict = judgeLoss({
      node,
      words: loss.words,
      owed: owed.map(({ intent }) => intent),
      began: this.answers.began,
      onPrimary: lease.onPrimary,
      inTransaction,
      pinned: state.pin !== undefined,
      settling,
      retried: bearings.retried,
    });
    if (!verdict.again || only === undefined) {
      session.die(verdict.again ? loss.error : verdict.error);
      return;
    }
    realm.emit({ kind: 'retried', from: node, because: 'link-lost' });
    bearings.lostOn(node, loss.orderly);
    backlog.putBack(owed);
    backlog.resume();
  }

  // ------------------------------------------------------------ the end

  /** The client asks to cancel what runs. Strikes only its own unit, and never a COMMIT in flight. */
  cancel(): void {
    const running = this.#lease?.link.running;
    if (running?.owner === this.answers && running.request?.intent.kind !== 'end') this.#lease?.cancel();
  }

  /** The session is over. */
  end(): void {
    const lease = this.#lease;
    this.#lease = undefined;
    lease?.abandon(this.answers.isCopying);
  }
}

/** One function for all sessions: a write costs no closure. */
function turnOver(tenancy: Tenancy, lease: Lease): void {
  tenancy.goOn(lease);
}
