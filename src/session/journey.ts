import type { Elsewhere, Outcome } from '../core/wire.ts';
import type { Lane } from '../pool/lane.ts';
import type { Link, Loss, ReplyOwner, Request } from '../pool/link.ts';
import { cancelled } from './complaints.ts';
import type { Course } from './course.ts';
import type { Kit } from './kit.ts';
import { judgeLoss } from './loss.ts';
import { Ride, type Rider } from './ride.ts';

/** A session's plain reads on links that it shares: one ride after another, and what becomes of each unit. */
export class Journey implements Rider {
  readonly #kit: Kit;
  readonly #course: Course;
  readonly #ride: Ride;

  constructor(kit: Kit, course: Course) {
    const { realm, client, state } = kit;
    this.#kit = kit;
    this.#course = course;
    this.#ride = new Ride(this, client, state.login.channel, realm.counters);
  }

  /** Units of the session are on a lane. */
  get isUnderWay(): boolean {
    return this.#ride.lane !== undefined;
  }

  get owed(): number {
    return this.#ride.owed;
  }

  board(lane: Lane, request: Request): boolean {
    this.#ride.begin(lane, this.#course.approach.toPrimary);
    return this.take(request);
  }

  /** Nothing may overtake what is on its way there: all else waits until it has been answered. */
  take(request: Request): boolean {
    const { backlog } = this.#kit;
    if (this.#ride.owed > 0 && (!this.#course.mayShare(request) || backlog.isOutdated)) return false;
    switch (this.#ride.send(request)) {
      case 'sent':
        this.#course.approach.over();
        return true;
      case 'ahead':
        backlog.block('preparing');
        return false;
      case 'later':
        return false;
      case 'never':
        request.solo = true;
        return this.#course.seek(request);
    }
  }

  // ------------------------------------------------------------ what the ride says

  rideReady(lane: Lane, outcome: Outcome): void {
    const { backlog, session } = this.#kit;
    const { oldest } = backlog;
    backlog.unblock();
    try {
      // What the server says against it is heard where the link is its own.
      if (oldest !== undefined && outcome.error !== '') oldest.solo = true;
      else if (oldest?.intent.cost !== undefined && lane.accepts(oldest.intent.cost) && !backlog.isOutdated) {
        if (this.board(lane, oldest)) backlog.drop();
      }
    } catch (thrown) {
      session.fail(thrown);
    }
    backlog.advance();
  }

  rideAnswered(link: Link, request: Request, outcome: Outcome): void {
    const { client, bearings, backlog, session } = this.#kit;
    if (!this.#ride.onPrimary) bearings.stick(link.target.node);
    bearings.over();
    try {
      if (client.completed(request.unit, outcome) !== undefined) this.#recall(request);
    } catch (thrown) {
      session.fail(thrown);
    }
    backlog.advance();
  }

  /**
   * What the server has to say of a unit can only be asked right behind it, and others were there: it runs once more,
   * alone.
   */
  #recall(request: Request): void {
    request.intent.cost?.recalled();
    this.#kit.backlog.putBack([{ ...request, solo: true, recalled: true }]);
  }

  elsewhere(link: Link, { intent }: Request, code: string): Elsewhere | undefined {
    return this.#kit.bearings.elsewhere(link.target.node, this.#ride.onPrimary, intent, code);
  }

  rideRefused(link: Link, request: Request, where: Elsewhere): void {
    this.#kit.bearings.refusedBy(link.target.node, where);
    this.rideLeft([request]);
  }

  rideTaken(lane: Lane, began: boolean, again: Elsewhere | undefined): ReplyOwner {
    const { tenancy } = this.#course;
    tenancy.begin(lane.home, lane.link, this.#ride.onPrimary);
    tenancy.answers.takeOver(began, again);
    return tenancy.answers;
  }

  rideCleared(): void {
    this.#course.tenancy.cancel();
  }

  rideLeft(requests: readonly Request[]): void {
    this.#kit.backlog.putBack(requests);
    this.#kit.backlog.resume();
  }

  rideLost(
    link: Link,
    loss: Loss,
    requests: readonly Request[],
    { first, began }: { first: boolean; began: boolean },
  ): void {
    const { realm, bearings, session } = this.#kit;
    const { node } = link.target;
    const [oldest] = requests;
    const verdict = judgeLoss({
      node,
      words: loss.words,
      owed: oldest === undefined ? [] : [oldest.intent],
      began,
      onPrimary: this.#ride.onPrimary,
      inTransaction: false,
      pinned: false,
      settling: false,
      retried: first && bearings.retried,
    });
    if (!verdict.again && oldest !== undefined) {
      session.die(verdict.error);
      return;
    }
    realm.emit({ kind: 'retried', from: node, because: 'link-lost' });
    if (first) bearings.lostOn(node, loss.orderly);
    else bearings.besideLoss(node);
    this.rideLeft(requests);
  }

  // ------------------------------------------------------------ the end

  /**
   * Cancels the oldest unit if others are in its way: at once, or by `rideCleared` if its answer has begun. False: it is
   * not on a lane any more.
   */
  cancel(): boolean {
    const { lane } = this.#ride;
    if (lane === undefined || lane.clearFor(this.#ride)) return false;
    this.#cancelBehind();
    return true;
  }

  /** A server cancels what it runs, and others are in front: the proxy answers, and drops what the server will say. */
  #cancelBehind(): void {
    const { client, state, bearings, backlog } = this.#kit;
    if (!this.#ride.dropOldest()) return;
    if (backlog.phase === 'preparing') {
      backlog.unblock();
      backlog.drop();
    }
    bearings.over();
    client.fail(cancelled(), state.status);
    backlog.advance();
  }

  /** The session is over. */
  end(): void {
    this.#ride.end();
  }
}
