import type { Clock, Timer } from '../core/clock.ts';
import type { ProxyError } from '../core/errors.ts';
import type { Wire } from '../core/wire.ts';
import { Injected } from './injected.ts';
import type { Link } from './link.ts';

/** How often what nobody waits for is cancelled, and how many times, in ms. */
const STRIKE_EVERY = 250;
const STRIKES = 20;
/** Cancel requests to a server that may be under way for one link. */
const AT_ONCE = 3;

/** The cancel requests for what one link runs. It is quiet when none of them can strike any more. */
export class Cancels {
  readonly #link: Link;
  /** While there is one the link takes nothing new. */
  #underWay = 0;
  /** One may still strike: one round trip must pass before the next unit. */
  #struck = false;
  #onQuiet: (() => void) | undefined;
  /** Nobody waits for what runs: why the link closes when that has ended. */
  #abandoned: ProxyError | undefined;
  #strike: Timer | undefined;

  constructor(link: Link) {
    this.#link = link;
  }

  get abandoned(): ProxyError | undefined {
    return this.#abandoned;
  }

  /** No cancel request can still strike what is sent now. */
  get isQuiet(): boolean {
    return this.#underWay === 0 && !this.#struck;
  }

  /** Asks the server to cancel what runs. The link is not quiet until that has ended without a trace. */
  ask(wire: Wire, signal: AbortSignal): void {
    // Each is a connection of its own: a server that stands still must not be given more and more of them.
    if (this.#underWay >= AT_ONCE) return;
    const { target, opened } = this.#link;
    this.#underWay++;
    this.#struck = true;
    wire
      .cancel(target, opened, signal)
      .catch(() => undefined)
      .finally(() => {
        this.#underWay--;
        if (this.#underWay === 0) this.#quiet();
      });
  }

  /**
   * Nobody waits for what runs: it is cancelled and the link closes when it has ended, or after a bound. A server
   * ignores a cancel request that comes before it has begun with the statement: so again.
   */
  abandon(wire: Wire, clock: Clock, error: ProxyError): void {
    this.#abandoned = error;
    let left = STRIKES;
    const strike = (): void => {
      if (left-- === 0) {
        this.#link.fail(error);
        return;
      }
      this.ask(wire, AbortSignal.timeout(STRIKE_EVERY * STRIKES));
      this.#strike = clock.after(STRIKE_EVERY, strike);
    };
    strike();
  }

  /** Calls once when no cancel request can strike any more, or the link is closed. One waiter at a time. */
  whenQuiet(call: () => void): void {
    this.#onQuiet = call;
    if (this.#underWay === 0) this.#quiet();
  }

  /** The link is closed. */
  end(): void {
    this.#strike?.cancel();
    this.#quiet();
  }

  #quiet(): void {
    const call = this.#onQuiet;
    if (call === undefined) return;
    const link = this.#link;
    if (link.isClosed || !this.#struck) {
      this.#onQuiet = undefined;
      call();
      return;
    }
    // PG 54.2.8: a cancel may arrive after the request it was meant for; it strikes this instead.
    const pinged = new Injected(() => {
      this.#struck = false;
      this.#quiet();
    });
    link.send(link.server.ping, pinged, undefined);
  }
}
