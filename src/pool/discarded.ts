import type { Entry, Link, ReplyOwner } from './link.ts';

/** Takes answers that nobody waits for any more. */
class Discarded implements ReplyOwner {
  replyBytes(): void {}

  replyRefused(): boolean {
    return false;
  }

  replyCopyIn(): void {}

  replyDone(link: Link, _entry: Entry): void {
    if (link.owed === 0) link.holder?.linkIdle(link);
  }
}

export const discarded: ReplyOwner = new Discarded();
