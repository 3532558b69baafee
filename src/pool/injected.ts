import type { Outcome } from '../core/wire.ts';
import type { Entry, Link, ReplyOwner } from './link.ts';

/** Takes the swallowed reply of something the proxy sent in its own name. Not called if the link is lost. */
export class Injected implements ReplyOwner {
  readonly #then: (outcome: Outcome) => void;

  constructor(then: (outcome: Outcome) => void) {
    this.#then = then;
  }

  replyBytes(): void {}

  replyRefused(): boolean {
    return false;
  }

  replyCopyIn(): void {}

  replyDone(_link: Link, _entry: Entry, outcome: Outcome): void {
    this.#then(outcome);
  }
}
