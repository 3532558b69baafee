import type { ChannelHandler } from '../core/channel.ts';
import { asProxyError, ProxyError } from '../core/errors.ts';
import type { Intent } from '../core/intent.ts';
import { noSettings, type Settings } from '../core/settings.ts';
import type {
  Aside,
  Expectation,
  Opened,
  Outcome,
  Plan,
  ReplySink,
  ServerSide,
  Target,
  Unit,
  Wire,
} from '../core/wire.ts';
import { Cancels } from './cancels.ts';
import type { Passenger } from './lane.ts';

/** Takes the replies of what it sent. */
export interface ReplyOwner {
  replyBytes(link: Link, bytes: Buffer): void;
  /** The reply begins with an error and nothing was delivered; true: it is taken back to run elsewhere. */
  replyRefused(link: Link, entry: Entry, code: string): boolean;
  replyCopyIn(link: Link, entry: Entry): void;
  replyDone(link: Link, entry: Entry, outcome: Outcome): void;
}

/** Holds a link: hears what is not a reply. */
export interface LinkHolder {
  /** The link is gone. `owed`: what was sent and not answered, oldest first. */
  linkLost(link: Link, loss: Loss): void;
  /** Bytes nobody asked for: a notice, a notification. */
  linkAside(link: Link, bytes: Buffer): void;
  /** Room again after `write` returned false. */
  linkDrained(link: Link): void;
  /** An answer is complete; its owner hears of it next. */
  linkAnswered(link: Link, entry: Entry, outcome: Outcome): void;
  /** A chunk has been read to its end. */
  linkRead(link: Link): void;
  /** The last answer that was owed was one that nobody waited for. */
  linkIdle(link: Link): void;
}

export interface Loss {
  readonly error: ProxyError;
  /** What happened, in words that can stand in a sentence. */
  readonly words: string;
  readonly owed: readonly Entry[];
  /** The server ended the connection in good order (a shutdown); otherwise it may have died of what it ran. */
  readonly orderly: boolean;
}

/** A unit and what it wants. */
export interface Request {
  readonly unit: Unit;
  readonly intent: Intent;
  /** It was moved away from a shared link, where others were in its way. */
  moved: boolean;
  /** It shares no link any more. */
  solo: boolean;
  /** Its client has the answer; it runs again for what the server says of it when it is asked afterwards. */
  readonly recalled: boolean;
}

/** One reply that is owed. */
export interface Entry {
  readonly plan: Plan;
  owner: ReplyOwner;
  /** What is being answered; undefined for what the proxy injected. */
  readonly request: Request | undefined;
  /** Whose unit it is, on a lane. */
  passenger: Passenger | undefined;
  /** It only comes before its request, which is planned again when it has been answered. */
  readonly ahead: boolean;
  /** The work behind it, in ms; on a lane. */
  readonly work: number;
}

/** What a link tells the stock that owns it. */
export interface LinkOwner {
  linkClosed(link: Link, reason: string): void;
  linkSignal(link: Link, kind: 'role-changed' | 'terminated' | 'link-lost'): void;
}

/**
 * One server connection with the queue of replies that it still owes. The queue says whose reply is whose; a
 * lease is a link whose queue holds one session's entries only.
 */
export class Link implements ChannelHandler, ReplySink {
  readonly target: Target;
  readonly opened: Opened;
  readonly server: ServerSide;
  readonly createdAt: number;
  readonly cancels = new Cancels(this);
  /** The session that leases this link. */
  holder: LinkHolder | undefined;
  /** Settings in force on the server connection, beyond its defaults. */
  settings: Settings = noSettings;
  /** Left in a state that only a reset or a new connection can mend. */
  dirty = false;
  readonly #owner: LinkOwner;
  readonly #queue: Entry[] = [];
  /** The last so many entries have not left yet: they do so together. */
  #gathered = 0;
  #closed = false;
  #orderly = false;
  #lastWords = '';

  constructor(wire: Wire, target: Target, opened: Opened, owner: LinkOwner, now: number) {
    this.target = target;
    this.opened = opened;
    this.server = wire.server(opened);
    this.#owner = owner;
    this.createdAt = now;
    opened.channel.attach(this);
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Replies that are owed. */
  get owed(): number {
    return this.#queue.length;
  }

  get head(): Expectation | undefined {
    return this.#queue[0]?.plan.expect;
  }

  /** The entry whose reply comes next. */
  get running(): Entry | undefined {
    return this.#queue[0];
  }

  /** Sends a unit or an injected plan; its reply goes to `owner`. False: wait for `linkDrained`. */
  send(plan: Plan, owner: ReplyOwner, request: Request | undefined): boolean {
    this.flush();
    this.#queue.push({ plan, owner, request, passenger: undefined, ahead: false, work: 0 });
    return this.opened.channel.write(plan.bytes);
  }

  /** Like `send`, but the bytes leave with the next `flush`. */
  gather(entry: Entry): void {
    this.#queue.push(entry);
    this.#gathered++;
  }

  /** Replies that are owed and were asked for. */
  get sent(): number {
    return this.#queue.length - this.#gathered;
  }

  /** Sends what was gathered, in one write. False: there is nothing. */
  flush(): boolean {
    const from = this.sent;
    this.#gathered = 0;
    const only = this.#queue[from];
    if (only === undefined) return false;
    const alone = from + 1 === this.#queue.length;
    this.opened.channel.write(alone ? only.plan.bytes : joined(this.#queue, from));
    return true;
  }

  /** What is owed, the next answer first. */
  get entries(): readonly Entry[] {
    return this.#queue;
  }

  /** Sends more bytes of the unit that was sent last. */
  write(bytes: Buffer): boolean {
    return this.opened.channel.write(bytes);
  }

  pause(): void {
    this.opened.channel.pause();
  }

  resume(): void {
    this.opened.channel.resume();
  }

  /** Closes at once. The holder is told before this returns, so nothing of this link can reach a client after it. */
  fail(error: ProxyError, words = error.message): void {
    if (this.#closed) return;
    this.#closed = true;
    this.opened.channel.destroy();
    const owed = this.#queue.splice(0);
    this.#gathered = 0;
    const holder = this.holder;
    this.holder = undefined;
    this.cancels.end();
    this.#owner.linkClosed(this, error.message);
    holder?.linkLost(this, { error, words, owed, orderly: this.#orderly || error.side === 'proxy' });
  }

  /** Says goodbye; for a link that nobody holds. */
  quit(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.opened.channel.end(this.server.quit);
    this.#owner.linkClosed(this, 'closed by the pool');
  }

  // ------------------------------------------------------------ ChannelHandler

  bytes(chunk: Buffer): void {
    if (this.#closed) return;
    try {
      this.server.feed(chunk, this);
    } catch (thrown) {
      this.fail(asProxyError(thrown, 'PROTOCOL', 'server'));
    }
    this.holder?.linkRead(this);
  }

  drained(): void {
    this.holder?.linkDrained(this);
  }

  closed(error: Error | undefined): void {
    this.#lost(this.#lastWords || error?.message || 'the server closed the connection');
  }

  #lost(words: string): void {
    if (this.#closed) return;
    if (!this.#orderly) this.#owner.linkSignal(this, 'link-lost');
    this.fail(
      new ProxyError('LINK_LOST', {
        side: 'server',
        retry: 'unknown',
        tell: `the connection to ${this.target.node} was lost: ${words}`,
      }),
      words,
    );
  }

  // ------------------------------------------------------------ ReplySink

  deliver(bytes: Buffer): void {
    const entry = this.#queue[0];
    if (entry !== undefined) entry.owner.replyBytes(this, bytes);
  }

  refused(code: string): boolean {
    const entry = this.#queue[0];
    return entry?.owner.replyRefused(this, entry, code) ?? false;
  }

  mend(bytes: Buffer): void {
    this.write(bytes);
  }

  copyIn(): void {
    const entry = this.#queue[0];
    entry?.owner.replyCopyIn(this, entry);
  }

  done(outcome: Outcome): void {
    const entry = this.#queue.shift();
    if (entry !== undefined) {
      this.holder?.linkAnswered(this, entry, outcome);
      entry.owner.replyDone(this, entry, outcome);
    }
    const { abandoned } = this.cancels;
    if (abandoned !== undefined && this.#queue.length === 0) this.fail(abandoned);
  }

  aside(aside: Aside): void {
    switch (aside.kind) {
      case 'message':
        this.holder?.linkAside(this, aside.bytes);
        break;
      case 'role-changed':
        this.#owner.linkSignal(this, 'role-changed');
        break;
      case 'terminating':
        this.#lastWords = `${aside.message} (${aside.code})`;
        this.#orderly = aside.orderly;
        this.#owner.linkSignal(this, 'terminated');
        // Its end of file comes a turn later: what is sent until then would be lost.
        if (this.#queue.length === 0) this.#lost(this.#lastWords);
        break;
    }
  }
}

/** The bytes of all entries from one on. */
function joined(entries: readonly Entry[], from: number): Buffer {
  let length = 0;
  for (let at = from; at < entries.length; at++) length += entries[at]?.plan.bytes.length ?? 0;
  const bytes = Buffer.allocUnsafe(length);
  let end = 0;
  for (let at = from; at < entries.length; at++) {
    const part = entries[at]?.plan.bytes;
    if (part === undefined) continue;
    bytes.set(part, end);
    end += part.length;
  }
  return bytes;
}
