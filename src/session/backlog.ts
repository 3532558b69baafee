import type { Catalogue } from '../core/catalogue.ts';
import type { Channel } from '../core/channel.ts';
import { asProxyError, type ProxyError } from '../core/errors.ts';
import type { Intent } from '../core/intent.ts';
import { plainIntent } from '../core/plain-intent.ts';
import type { ClientSide, SessionFacts } from '../core/wire.ts';
import type { Request } from '../pool/link.ts';

/**
 * What a session is doing about its oldest unit.
 * - `flowing`: nothing stands in the way of the next unit.
 * - `waiting`: for a link, or for a primary.
 * - `preparing`: the link is being made equal to the session. `settling`: the link is asked what was left on it,
 *   or must be quiet first.
 * - `closed`: the session is over, nothing more is taken.
 */
export type Phase = 'flowing' | 'waiting' | 'preparing' | 'settling' | 'closed';

/** Client bytes that may gather behind a unit that waits, before the client is no longer read. */
const GATHERED_BYTES = 65_536;
/** Bytes that a client may leave untaken of what it was told: with more nothing is done for it, or waits behind it. */
export const UNTAKEN_BYTES = 262_144;

/** Takes a session's units, one after another. */
export interface Taker {
  /** False: the unit has to wait for something that will call `Backlog.advance` again. */
  take(request: Request): boolean;
  /** The client cannot be followed, or a unit of it not be carried out. */
  die(error: ProxyError): void;
}

/** Finds units in a client's bytes. */
export type Finder = Pick<ClientSide, 'push' | 'next' | 'buffered' | 'classify'>;

/** What a backlog must know of its session. */
export interface BacklogFacts extends SessionFacts {
  readonly login: { readonly channel: Pick<Channel, 'pause' | 'resume' | 'unsent' | 'closed'> };
  readonly account: { readonly doubted: boolean };
}

/**
 * What a client has sent and nobody has taken yet, the oldest unit first, and what stands in the way of that one. Owns
 * whether the client is read.
 */
export class Backlog {
  readonly #client: Finder;
  readonly #state: BacklogFacts;
  readonly #taker: Taker;
  #phase: Phase = 'flowing';
  #advancing = false;
  /** The client is not read because of what it has sent, or because its server takes no more. */
  #full = false;
  #linkFull = false;
  /** The unit that cannot go on yet. */
  #oldest: Request | undefined;
  /** Units that came back, to be taken after the oldest one and before any other. */
  #returned: Request[] = NONE;
  /** What names meant when the last unit was judged. */
  #judgedBy: Catalogue | undefined;

  constructor(client: Finder, state: BacklogFacts, taker: Taker) {
    this.#client = client;
    this.#state = state;
    this.#taker = taker;
  }

  get phase(): Phase {
    return this.#phase;
  }

  get oldest(): Request | undefined {
    return this.#oldest;
  }

  /** Names have changed since the oldest unit was judged: what was a read may be none now. */
  get isOutdated(): boolean {
    const { account, catalogue } = this.#state;
    return account.doubted || this.#judgedBy !== catalogue;
  }

  push(chunk: Buffer): void {
    try {
      this.#client.push(chunk);
    } catch (thrown) {
      this.#taker.die(asProxyError(thrown, 'PROTOCOL', 'client'));
      return;
    }
    this.advance();
  }

  /** Has units taken as long as nothing stands in the way. */
  advance(): void {
    if (this.#advancing) return;
    this.#advancing = true;
    try {
      while (this.#phase === 'flowing') {
        const request = this.#oldest ?? this.#returned.shift() ?? this.#next();
        if (request === undefined) break;
        this.#oldest = undefined;
        if (this.#isUntaken || !this.#taker.take(request)) {
          this.#oldest = request;
          break;
        }
      }
    } catch (thrown) {
      this.#taker.die(asProxyError(thrown, 'PROTOCOL', 'client'));
    } finally {
      this.#advancing = false;
    }
    this.#throttle();
  }

  /** A server would wait in its write, and read nothing meanwhile. */
  get #isUntaken(): boolean {
    const { channel } = this.#state.login;
    return channel.unsent > UNTAKEN_BYTES && !channel.closed;
  }

  #next(): Request | undefined {
    const unit = this.#client.next();
    if (unit === undefined) return undefined;
    const runs = unit.extent === 'whole' || unit.extent === 'open';
    this.#judgedBy = this.#state.catalogue;
    const intent = runs ? this.#client.classify(unit, this.#state) : NO_INTENT;
    return { unit, intent, moved: false, solo: false, recalled: false };
  }

  /** The oldest unit was sent, or answered without. */
  drop(): void {
    this.#oldest = undefined;
  }

  /** Units that were sent are to be sent again, before all others. */
  putBack(requests: readonly Request[]): void {
    const [first, ...others] = requests;
    if (first === undefined) return;
    if (this.#oldest !== undefined) others.push(this.#oldest);
    if (others.length > 0) this.#returned = [...others, ...this.#returned];
    this.#oldest = first;
  }

  // ------------------------------------------------------------ what stands in the way

  /** Nothing is taken until `unblock` or `resume`. */
  block(phase: Exclude<Phase, 'flowing' | 'closed'>): void {
    this.#phase = phase;
  }

  unblock(): void {
    this.#phase = 'flowing';
  }

  /** Nothing stands in the way any more, if the session is not over. */
  resume(): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'flowing';
    this.advance();
  }

  close(): void {
    this.#phase = 'closed';
    this.#oldest = undefined;
  }

  // ------------------------------------------------------------ whether the client is read

  /** Stops reading from a client that sends more while its unit waits. */
  #throttle(): void {
    if (this.#phase === 'closed') return;
    const full = this.#oldest !== undefined && this.#client.buffered > GATHERED_BYTES;
    if (full === this.#full) return;
    this.#full = full;
    const { channel } = this.#state.login;
    if (full) channel.pause();
    else if (!this.#linkFull) channel.resume();
  }

  /** A server takes no more of what the client sends until `linkDrained`. */
  linkFull(): void {
    this.#linkFull = true;
    this.#state.login.channel.pause();
  }

  linkDrained(): void {
    if (!this.#linkFull) return;
    this.#linkFull = false;
    if (!this.#full) this.#state.login.channel.resume();
  }
}

/** Of pieces of a unit: what they want was said by its beginning. */
const NO_INTENT: Intent = plainIntent('session', '', '');

const NONE: Request[] = [];
