import type { Clock, Timer } from '../core/clock.ts';
import type { ClusterUp } from './messages.ts';

/** Who still wants says so again after this, in ms. */
const AGAIN_AFTER = 100;
/** How often it is seen whether what was promised has become free, or whether a share is still needed, in ms. */
const LOOK_EVERY = 50;
const SWEEP_EVERY = 5_000;
/** What was just closed may be open on the other side for so long, in ms. */
const GRACE = 20;

/** What a share limits. */
export interface Holder {
  /** How many are in use or being opened, idle ones too. */
  readonly taken: number;
  /** Of these, how many cannot be closed now. */
  readonly busy: number;
  /** How many more are needed now. */
  readonly short: number;
  /** It is not given up to the last one. */
  readonly needed: boolean;
  /** Nothing uses the share any more. */
  readonly over: boolean;
  /** The limit has changed: closes what is idle beyond it, opens what is wanted within it. */
  resized(): void;
}

type Send = (message: ClusterUp) => void;

/** This process's part of a number that all workers share. Its limit is obeyed at once, and grows when it is granted. */
export class Share {
  readonly key: string;
  /** The whole. */
  readonly size: number;
  limit: number;
  /** Taken off the limit already, and still in use. */
  owed = 0;
  askedAt = Number.NEGATIVE_INFINITY;
  readonly holder: Holder;

  constructor(key: string, size: number, limit: number, holder: Holder) {
    this.key = key;
    this.size = size;
    this.limit = limit;
    this.holder = holder;
  }
}

/** All shares of one cluster in a worker. Owns one timer, which runs while anything is wanted or owed. */
export class Shares {
  readonly #clock: Clock;
  readonly #workers: number;
  readonly #send: Send;
  readonly #shares = new Map<string, Share>();
  readonly #graces = new Set<Timer>();
  #timer: Timer | undefined;
  #sweeper: Timer | undefined;
  #closed = false;

  constructor(clock: Clock, workers: number, send: Send) {
    this.#clock = clock;
    this.#workers = workers;
    this.#send = send;
    this.#sweepLater();
  }

  /** The share of that name, with nothing in it yet if it is new but what was set aside for it. */
  share(key: string, size: number, holder: Holder, limit = 0): Share {
    const known = this.#shares.get(key);
    if (known !== undefined) return known;
    const share = new Share(key, size, limit, holder);
    this.#shares.set(key, share);
    return share;
  }

  /** More is needed: says so, at most once in a while. */
  want(share: Share): void {
    const now = this.#clock.now();
    if (this.#closed || now - share.askedAt < AGAIN_AFTER) {
      this.#watch();
      return;
    }
    const want = Math.min(share.holder.short, share.size - share.limit - share.owed);
    if (want <= 0) return;
    share.askedAt = now;
    this.#send({ kind: 'want', key: share.key, size: share.size, want });
    this.#watch();
  }

  granted(key: string, more: number): void {
    const share = this.#shares.get(key);
    if (share === undefined) {
      this.#send({ kind: 'given', key, count: more, asked: false });
      return;
    }
    share.limit += more;
    share.askedAt = Number.NEGATIVE_INFINITY;
    share.holder.resized();
  }

  /** Others need up to `most`. */
  give(key: string, most: number, fair: number): void {
    const share = this.#shares.get(key);
    if (share === undefined) {
      this.#send({ kind: 'given', key, count: 0, asked: true });
      return;
    }
    const { holder } = share;
    const floor = holder.needed ? Math.min(1, Math.floor(share.size / this.#workers)) : 0;
    const unused = Math.max(0, share.limit - holder.taken);
    const now = Math.min(most, Math.max(0, share.limit - Math.max(holder.busy, floor)));
    const later = Math.min(most - now, Math.max(0, share.limit - now - Math.max(fair, floor)));
    share.limit -= now + later;
    share.owed += later;
    holder.resized();
    // What is closed for it is gone on the other side, too, before somebody else opens one.
    this.#giveBack(key, now, true, now > unused ? GRACE : 0);
    if (share.owed > 0) this.#watch();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#sweeper?.cancel();
    for (const timer of this.#graces) timer.cancel();
  }

  #giveBack(key: string, count: number, asked: boolean, after: number): void {
    if (after === 0) {
      this.#send({ kind: 'given', key, count, asked });
      return;
    }
    const timer = this.#clock.after(after, () => {
      this.#graces.delete(timer);
      this.#send({ kind: 'given', key, count, asked });
    });
    this.#graces.add(timer);
  }

  /** Gives what was promised and has become free. */
  #settle(share: Share): void {
    const free = Math.min(share.owed, Math.max(0, share.limit + share.owed - share.holder.taken));
    if (free === 0) return;
    share.owed -= free;
    this.#giveBack(share.key, free, false, GRACE);
  }

  #watch(): void {
    if (this.#closed) return;
    this.#timer ??= this.#clock.after(LOOK_EVERY, () => {
      this.#timer = undefined;
      this.#look();
    });
  }

  #look(): void {
    let busy = false;
    for (const share of this.#shares.values()) {
      if (share.owed > 0) this.#settle(share);
      const short = share.holder.short > 0 && share.limit + share.owed < share.size;
      if (short) this.want(share);
      busy ||= short || share.owed > 0;
    }
    if (busy) this.#watch();
  }

  #sweepLater(): void {
    this.#sweeper = this.#clock.after(SWEEP_EVERY, () => {
      this.#sweep();
      this.#sweepLater();
    });
  }

  /** What nobody uses any more is given back, so that names which clients make up are not kept. */
  #sweep(): void {
    for (const share of this.#shares.values()) {
      if (!share.holder.over || share.holder.taken > 0) continue;
      this.#shares.delete(share.key);
      this.#send({ kind: 'left', key: share.key, count: share.limit + share.owed });
    }
  }
}
