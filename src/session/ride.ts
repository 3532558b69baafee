import type { Channel } from '../core/channel.ts';
import type { Counters } from '../core/counters.ts';
import type { ClientSide, Elsewhere, Outcome } from '../core/wire.ts';
import type { Lane, Passenger } from '../pool/lane.ts';
import type { Entry, Link, Loss, ReplyOwner, Request } from '../pool/link.ts';
import { UNTAKEN_BYTES } from './backlog.ts';

/** Units of one session that may be under way on a lane. */
const AT_ONCE = 32;

/** What a ride tells its session. */
export interface Rider {
  /** A unit has been answered. */
  rideAnswered(link: Link, request: Request, outcome: Outcome): void;
  /** What had to come ahead of the pending unit has been answered. */
  rideReady(lane: Lane, outcome: Outcome): void;
  /** The node could not serve a unit, nothing of it delivered. */
  rideRefused(link: Link, request: Request, where: Elsewhere): void;
  /**
   * The link is the session's alone. `began`: something of the answer that comes next has been delivered. Gives who takes
   * the answers from here on.
   */
  rideTaken(lane: Lane, began: boolean, again: Elsewhere | undefined): ReplyOwner;
  /** Right after `rideTaken`: what was to be cancelled runs, and nobody else can be struck any more. */
  rideCleared(): void;
  /** Units were moved away, nothing of them delivered. */
  rideLeft(requests: readonly Request[]): void;
  rideLost(
    link: Link,
    loss: Loss,
    requests: readonly Request[],
    how: { first: boolean; began: boolean },
  ): void;
  /** Where a unit that the server refused with this code may run instead. */
  elsewhere(link: Link, request: Request, code: string): Elsewhere | undefined;
}

/** A session's units on a link that it shares. They stay on one lane until all of them have been answered. */
export class Ride implements Passenger {
  readonly #rider: Rider;
  readonly #client: ClientSide;
  readonly #channel: Channel;
  readonly #counters: Counters;
  #lane: Lane | undefined;
  #onPrimary = false;
  #owed = 0;
  /** Of the answer that comes next: delivered to the client. */
  #bytes = 0;
  #again: Elsewhere | undefined;
  /** Takes the answers of a link that has become the session's own. */
  #heir: ReplyOwner | undefined;

  constructor(rider: Rider, client: ClientSide, channel: Channel, counters: Counters) {
    this.#rider = rider;
    this.#client = client;
    this.#channel = channel;
    this.#counters = counters;
  }

  get lane(): Lane | undefined {
    return this.#lane;
  }

  get owed(): number {
    return this.#owed;
  }

  get onPrimary(): boolean {
    return this.#onPrimary;
  }

  begin(lane: Lane, onPrimary: boolean): void {
    this.#lane = lane;
    this.#onPrimary = onPrimary;
  }

  /** `ahead`: something that must come first was sent. `later`: not before what is owed is answered; `never`: not here. */
  send(request: Request): 'sent' | 'ahead' | 'later' | 'never' {
    const lane = this.#lane;
    const { cost } = request.intent;
    if (lane === undefined || cost === undefined) return 'never';
    // Behind one that will run elsewhere nothing may follow here.
    if (this.#again !== undefined) return 'later';
    if (this.#owed > 0 && (this.#owed >= AT_ONCE || !lane.acceptsMore(cost))) return 'later';
    const plan = this.#client.plan(request.unit, lane.link.server, this.#owed > 0);
    if (plan === undefined) return this.#owed > 0 ? 'later' : this.#never(lane);
    const ahead = plan.before === true;
    this.#owed++;
    this.#counters.of(lane.link.target.node).bytesToServer += plan.bytes.length;
    lane.send(plan, this, request, ahead);
    return ahead ? 'ahead' : 'sent';
  }

  #never(lane: Lane): 'never' {
    this.#lane = undefined;
    lane.unused();
    return 'never';
  }

  /** The client is gone, or all that it waits for was answered otherwise. */
  end(): void {
    const lane = this.#lane;
    lane?.leave(this);
    this.#over();
    // It was boarded, and nothing could be sent.
    lane?.unused();
  }

  #over(): void {
    this.#lane = undefined;
    this.#owed = 0;
    this.#bytes = 0;
    this.#again = undefined;
  }

  /** The oldest unit is answered by the proxy. False: the client has some of its answer. */
  dropOldest(): boolean {
    if (this.#lane === undefined || this.#bytes > 0) return false;
    this.#lane.dropOldest(this);
    this.#answered();
    return true;
  }

  #answered(): void {
    this.#owed--;
    if (this.#owed === 0) this.#over();
  }

  // ------------------------------------------------------------ answers

  replyBytes(link: Link, bytes: Buffer): void {
    const lane = this.#lane;
    if (lane?.link !== link) {
      this.#heir?.replyBytes(link, bytes);
      return;
    }
    this.#bytes += bytes.length;
    this.#counters.of(link.target.node).bytesFromServer += bytes.length;
    this.#counters.bytesToClients += bytes.length;
    if (!this.#channel.write(bytes) && this.#channel.unsent > UNTAKEN_BYTES) lane.stalledBy(this);
  }

  replyRefused(link: Link, entry: Entry, code: string): boolean {
    if (this.#lane?.link !== link) return this.#heir?.replyRefused(link, entry, code) ?? false;
    if (this.#owed > 1 || entry.request === undefined || entry.ahead) return false;
    this.#again = this.#rider.elsewhere(link, entry.request, code);
    return this.#again !== undefined;
  }

  /** A plain read asks for nothing. */
  replyCopyIn(): void {}

  replyDone(link: Link, entry: Entry, outcome: Outcome): void {
    const lane = this.#lane;
    const { request } = entry;
    if (lane?.link !== link || request === undefined) {
      this.#heir?.replyDone(link, entry, outcome);
      return;
    }
    const again = this.#again;
    const bytes = this.#bytes;
    this.#again = undefined;
    this.#bytes = 0;
    this.#answered();
    if (entry.ahead) this.#rider.rideReady(lane, outcome);
    else if (again !== undefined) this.#rider.rideRefused(link, request, again);
    else {
      request.intent.cost?.sent(bytes);
      this.#rider.rideAnswered(link, request, outcome);
    }
  }

  // ------------------------------------------------------------ Passenger

  laneTaken(lane: Lane): void {
    const began = this.#bytes > 0;
    const again = this.#again;
    this.#over();
    const heir = this.#rider.rideTaken(lane, began, again);
    this.#heir = heir;
    for (const entry of lane.link.entries) {
      if (entry.passenger !== this) continue;
      entry.owner = heir;
      entry.passenger = undefined;
    }
  }

  laneCleared(): void {
    this.#rider.rideCleared();
  }

  laneLeft(_lane: Lane, requests: readonly Request[]): void {
    this.#over();
    for (const request of requests) {
      // Once more in company, then alone.
      request.solo = request.moved;
      request.moved = true;
    }
    this.#rider.rideLeft(requests);
  }

  laneLost(lane: Lane, loss: Loss, requests: readonly Request[], first: boolean): void {
    const began = this.#bytes > 0;
    this.#over();
    // The server may have died of any of them: whose it was, is known if it runs alone.
    if (!loss.orderly) for (const request of requests) request.solo = true;
    this.#rider.rideLost(lane.link, loss, requests, { first, began });
  }
}
