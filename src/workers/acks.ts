import type { NodeId } from '../core/node.ts';
import type { Ack, View } from '../core/view.ts';

/** Views that may wait for acknowledgements; the oldest are then answered by the newer ones alone. */
const MOST_WAITING = 1_024;

interface Published {
  readonly version: number;
  readonly epoch: number;
}

interface Member {
  /** The last view it has obeyed; -1: none yet. */
  obeyed: number;
  /** When the oldest view that it has not obeyed was sent, in monotonic ms; undefined: it has obeyed all. */
  since: number | undefined;
}

/**
 * One acknowledgement out of those of all workers. A view counts as obeyed once every worker that was told of any view
 * has obeyed this one or a later one, or has ended. A node counts as closed by it only if no view since then, up to
 * the newest, has opened it again. Pure.
 */
export class Acks {
  readonly #members = new Map<number, Member>();
  readonly #waiting: Published[] = [];
  /** Nodes whose links the newest view closes, and the version since which every view has. */
  readonly #closedSince = new Map<NodeId, number>();
  #newest: Published = { version: -1, epoch: 0 };
  #done = -1;
  #unknown = 0;

  /** A view goes out to all members now. */
  published(view: View, now: number): Ack | undefined {
    for (const { id, links } of view.nodes) {
      if (links) this.#closedSince.delete(id);
      else if (!this.#closedSince.has(id)) this.#closedSince.set(id, view.version);
    }
    this.#newest = { version: view.version, epoch: view.epoch };
    this.#waiting.push(this.#newest);
    if (this.#waiting.length > MOST_WAITING) this.#waiting.shift();
    for (const member of this.#members.values()) member.since ??= now;
    return this.#settle();
  }

  /** A worker is told of the newest view now, the first that it hears. */
  joined(slot: number, now: number): void {
    this.#members.set(slot, { obeyed: -1, since: this.#newest.version < 0 ? undefined : now });
  }

  obeyed(slot: number, ack: Ack, now: number): Ack | undefined {
    const member = this.#members.get(slot);
    if (member === undefined) return undefined;
    member.obeyed = Math.max(member.obeyed, ack.version);
    member.since = member.obeyed >= this.#newest.version ? undefined : now;
    this.#unknown += ack.unknown;
    return this.#settle();
  }

  /** Its process has ended: it has no link any more. */
  ended(slot: number): Ack | undefined {
    this.#members.delete(slot);
    return this.#settle();
  }

  /** Workers that have obeyed nothing since `before` although they were told. */
  late(before: number): number[] {
    return [...this.#members].flatMap(([slot, { since }]) =>
      since !== undefined && since <= before ? [slot] : [],
    );
  }

  /** Workers that may still have links which the newest view closes. */
  open(): number[] {
    const newest = Math.max(-1, ...this.#closedSince.values());
    return [...this.#members].flatMap(([slot, { obeyed }]) => (obeyed < newest ? [slot] : []));
  }

  /** Somebody has not obeyed the newest view yet. */
  get waiting(): boolean {
    return this.#done < this.#newest.version;
  }

  #settle(): Ack | undefined {
    let least = this.#newest.version;
    for (const { obeyed } of this.#members.values()) least = Math.min(least, obeyed);
    if (least <= this.#done) return undefined;
    let epoch: number | undefined;
    while ((this.#waiting[0]?.version ?? Number.POSITIVE_INFINITY) <= least)
      epoch = this.#waiting.shift()?.epoch;
    if (epoch === undefined) return undefined;
    this.#done = least;
    const unknown = this.#unknown;
    this.#unknown = 0;
    const closed = [...this.#closedSince].flatMap(([node, since]) => (since <= least ? [node] : []));
    return { epoch, version: least, closed, unknown };
  }
}
