import { type Cost, SHARED_BYTES } from '../core/cost.ts';
import { ProxyError } from '../core/errors.ts';
import type { Unit } from '../core/wire.ts';
import { Lane } from '../pool/lane.ts';
import type { Request } from '../pool/link.ts';
import { notOnReplica } from '../routing/refusals.ts';
import { Approach, type Found, type Seeker } from './approach.ts';
import { cancelled, looksBack, noLongerWritable } from './complaints.ts';
import { Journey } from './journey.ts';
import type { Kit } from './kit.ts';
import type { Lease } from './lease.ts';
import { Tenancy } from './tenancy.ts';

/**
 * On which link each unit goes: the one that the session leases, the one that it shares, or one that is yet to be
 * found. All that is owed is owed by one link, so that no unit overtakes another.
 */
export class Course implements Seeker {
  readonly approach: Approach;
  readonly #kit: Kit;
  /** Its plain reads may share links with those of others. */
  readonly #shares: boolean;
  #tenancy: Tenancy | undefined;
  /** Never under way beside a lease. */
  #journey: Journey | undefined;

  constructor(kit: Kit) {
    const { realm, state, bearings } = kit;
    this.#kit = kit;
    this.#shares = realm.shares(state.login);
    this.approach = new Approach(realm, state, bearings, this);
  }

  /** Made when there is the first lease: an idle client costs less. */
  get tenancy(): Tenancy {
    this.#tenancy ??= new Tenancy(this.#kit, this);
    return this.#tenancy;
  }

  get lease(): Lease | undefined {
    return this.#tenancy?.lease;
  }

  /** Units go on the link where the session is, and on no other. */
  get isBound(): boolean {
    return this.lease !== undefined || this.#journey?.isUnderWay === true;
  }

  /** Replies that the session still waits for. */
  get owed(): number {
    return this.lease?.link.owed ?? this.#journey?.owed ?? 0;
  }

  /** False: the unit has to wait. */
  place(request: Request): boolean {
    const { lease } = this;
    if (lease !== undefined) return this.#onLease(this.tenancy, lease, request);
    return this.#journey?.isUnderWay === true ? this.#journey.take(request) : this.seek(request);
  }

  /** More bytes of what runs already. */
  more(unit: Unit): boolean {
    this.#tenancy?.more(unit);
    return true;
  }

  /** Copy data. It may be for a copy that the server has not begun yet: its answer decides. */
  data(unit: Unit): boolean {
    return this.#tenancy?.answers.isCopying === true ? this.more(unit) : this.owed === 0;
  }

  // ------------------------------------------------------------ on the lease

  #onLease(tenancy: Tenancy, lease: Lease, request: Request): boolean {
    const { state, backlog } = this.#kit;
    const { intent } = request;
    const { link, onPrimary } = lease;
    const idle = link.owed === 0;
    if (!idle && (tenancy.answers.resets || tenancy.answers.comesBack)) return false;
    // Behind its last answer there may still be those of others, who shared the link before.
    if (!link.cancels.isQuiet && !link.entries.some(({ owner }) => owner === tenancy.answers)) {
      backlog.block('settling');
      link.cancels.whenQuiet(() => backlog.resume());
      return false;
    }
    // A unit has put settings back to the server's defaults: those of the session's start-up hold again.
    if (link.settings !== state.settings && state.status !== 'failed') {
      return idle && tenancy.prepare(lease, request);
    }
    if (intent.looksBack === true && !lease.wroteHere && state.pin !== 'session-pooling') {
      if (!idle) return false;
      return this.#refuseOn(lease, request, looksBack(intent.detail));
    }
    if (onPrimary) {
      if (intent.kind !== 'read' && !this.approach.mayWrite) throw noLongerWritable();
      return tenancy.send(lease, request);
    }
    // The node may change with the next unit: only a read may follow without knowing how this one ends.
    if (!idle) return intent.kind === 'read' && intent.begin === undefined && tenancy.send(lease, request);
    if (intent.kind !== 'write' && intent.kind !== 'begin') return tenancy.send(lease, request);
    // Nothing of the session's own keeps it here: it has waited for what others left unanswered on the link.
    if (!state.inTransaction && state.pin === undefined) return this.#leave(tenancy, lease, request);
    return this.#refuseOn(lease, request, notOnReplica(intent.because, intent.detail));
  }

  /** The lease ends, or is asked first what was left on it: then the unit goes where it belongs. */
  #leave(tenancy: Tenancy, lease: Lease, request: Request): boolean {
    tenancy.settle(lease);
    return this.lease === undefined && this.seek(request);
  }

  /** A unit that is never passed on. Its transaction has failed, as it would have on the server. */
  #refuseOn(lease: Lease, request: Request, error: ProxyError): true {
    const { realm, state, session } = this.#kit;
    const fails = state.inTransaction && realm.wire.errorFailsTransaction;
    if (fails && state.pin !== undefined) {
      // The transaction cannot be left without what the session keeps on this link.
      session.die(error);
      return true;
    }
    if (fails) this.tenancy.rollBack(lease);
    session.refuse(request, error);
    return true;
  }

  // ------------------------------------------------------------ a link is yet to be found

  /** Finds a node and a link for a unit while the session has none. */
  seek(request: Request): boolean {
    const { state, bearings, backlog, session } = this.#kit;
    const { intent } = request;
    if (intent.looksBack === true && state.pin !== 'session-pooling') {
      session.refuse(request, looksBack(intent.detail));
      return true;
    }
    if (backlog.isOutdated) bearings.primaryOnly = true;
    const shares = this.mayShare(request) && !backlog.isOutdated;
    const sought = this.approach.seek(request, shares ? intent.cost : undefined);
    if (sought === 'waits') {
      backlog.block('waiting');
      return false;
    }
    if (sought instanceof Lane) return this.#board(sought, request);
    if (!(sought instanceof ProxyError)) return this.tenancy.start(sought, request);
    session.refuse(request, sought);
    return true;
  }

  /** Others' units may be right beside it on its link. */
  mayShare({ unit, intent, solo }: Request): boolean {
    if (intent.cost?.isShort !== true || intent.kind !== 'read' || solo || !this.#shares) return false;
    const { client, state } = this.#kit;
    return state.isPlain && unit.bytes.length <= SHARED_BYTES && client.mayShare(unit);
  }

  #board(lane: Lane, request: Request): boolean {
    this.#journey ??= new Journey(this.#kit, this);
    return this.#journey.board(lane, request);
  }

  linkFound(found: Found): void {
    const { backlog, session } = this.#kit;
    const { oldest } = backlog;
    backlog.unblock();
    try {
      if (oldest === undefined || (backlog.isOutdated && !found.onPrimary)) found.dispatcher.give(found.link);
      else if (this.tenancy.start(found, oldest)) backlog.drop();
    } catch (thrown) {
      session.fail(thrown);
    }
    backlog.advance();
  }

  get sharesAt(): Cost | undefined {
    const { oldest, isOutdated } = this.#kit.backlog;
    return oldest !== undefined && !isOutdated && this.mayShare(oldest) ? oldest.intent.cost : undefined;
  }

  laneFound(lane: Lane): void {
    const { backlog, session } = this.#kit;
    const { oldest } = backlog;
    backlog.unblock();
    try {
      if (oldest === undefined) lane.unused();
      else if (this.#board(lane, oldest)) backlog.drop();
    } catch (thrown) {
      session.fail(thrown);
    }
    backlog.advance();
  }

  lookAgain(): void {
    this.#kit.backlog.resume();
  }

  nothingFound(error: ProxyError): void {
    const { backlog, session } = this.#kit;
    const { oldest } = backlog;
    backlog.unblock();
    backlog.drop();
    if (oldest !== undefined) session.refuse(oldest, error);
    backlog.advance();
  }

  // ------------------------------------------------------------ the client

  /** The client takes again what is sent to it. */
  drained(): void {
    this.lease?.unstall();
  }

  /** The client asks to cancel what the session runs. */
  cancel(): void {
    if (this.approach.isWaiting) {
      this.approach.stop();
      this.nothingFound(cancelled());
    } else if (this.#journey?.cancel() !== true) {
      this.#tenancy?.cancel();
    }
  }

  /** Gives up every link, and the way to one. */
  end(): void {
    this.approach.stop();
    this.#tenancy?.end();
    this.#journey?.end();
    this.#kit.bearings.unstick();
  }
}
