import type { ClusterDown, ClusterUp } from './messages.ts';

type Want = Extract<ClusterUp, { kind: 'want' }>;

interface Entry {
  readonly size: number;
  /** By worker: what it may use, and what it has promised and may still be using. Never more than `size` together. */
  readonly held: Map<number, number>;
  readonly wants: Map<number, number>;
  /** Who was asked to give in this round; the last of them has not answered while `awaited`. */
  readonly asked: Set<number>;
  awaited: number | undefined;
  /** Wants heard while it was awaited. */
  patience: number;
}

/** A worker that is asked to give and says nothing is passed over after so many reminders. */
const REMINDERS = 2;

/**
 * Whole numbers shared out among workers: server connections of one node, user and database, or clients. What is free
 * goes to who wants it; then the one that holds most is asked to give. Pure; `send` is told what to say to whom.
 */
export class Ledger {
  readonly #workers: number;
  readonly #send: (slot: number, message: ClusterDown) => void;
  readonly #entries = new Map<string, Entry>();
  /** What was granted to those who asked for more, so far. */
  granted = 0;

  constructor(workers: number, send: (slot: number, message: ClusterDown) => void) {
    this.#workers = workers;
    this.#send = send;
  }

  /** Sets aside for a worker that begins what it should have, as far as it is free; it is told otherwise. */
  reserve(slot: number, key: string, size: number): number {
    const entry = this.#entry(key, size);
    const extra = slot < size % this.#workers ? 1 : 0;
    const count = Math.min(free(entry), fairOf(size, this.#workers) + extra);
    hold(entry, slot, count);
    return count;
  }

  wanted(slot: number, { key, size, want }: Want): void {
    const entry = this.#entry(key, size);
    const again = entry.wants.has(slot);
    entry.wants.set(slot, Math.max(1, Math.min(want, size)));
    if (again && entry.awaited !== undefined && ++entry.patience >= REMINDERS) entry.awaited = undefined;
    this.#settle(key, entry);
  }

  given(slot: number, key: string, count: number, asked: boolean): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    hold(entry, slot, -count);
    if (asked && entry.awaited === slot) entry.awaited = undefined;
    this.#settle(key, entry);
  }

  /** Nobody uses it there any more; `count` is given back. */
  left(slot: number, key: string, count: number): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    hold(entry, slot, -count);
    entry.wants.delete(slot);
    if (entry.awaited === slot) entry.awaited = undefined;
    this.#settle(key, entry);
  }

  /** The worker has ended, and all that it used with it. */
  ended(slot: number): void {
    for (const key of [...this.#entries.keys()]) this.left(slot, key, Number.POSITIVE_INFINITY);
  }

  /** What a worker holds, for tests and for people. */
  held(slot: number, key: string): number {
    return this.#entries.get(key)?.held.get(slot) ?? 0;
  }

  get keys(): number {
    return this.#entries.size;
  }

  #entry(key: string, size: number): Entry {
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const entry: Entry = {
      size,
      held: new Map(),
      wants: new Map(),
      asked: new Set(),
      awaited: undefined,
      patience: 0,
    };
    this.#entries.set(key, entry);
    return entry;
  }

  #settle(key: string, entry: Entry): void {
    this.#grant(key, entry);
    if (entry.wants.size > 0) {
      this.#ask(key, entry);
      return;
    }
    entry.asked.clear();
    entry.awaited = undefined;
    if (entry.held.size === 0) this.#entries.delete(key);
  }

  /** In the order in which they have asked. Who gets any need not come back before it has its fair share. */
  #grant(key: string, entry: Entry): void {
    for (const [slot, want] of [...entry.wants]) {
      const left = free(entry);
      if (left === 0) return;
      const has = entry.held.get(slot) ?? 0;
      const alone = entry.wants.size === 1;
      const wish = alone ? Math.max(want, fairOf(entry.size, this.#workers) - has) : want;
      const more = Math.min(left, wish);
      entry.wants.delete(slot);
      if (more < want) entry.wants.set(slot, want - more);
      hold(entry, slot, more);
      this.granted += more;
      this.#send(slot, { kind: 'granted', key, more });
    }
  }

  #ask(key: string, entry: Entry): void {
    if (entry.awaited !== undefined) return;
    const donor = richest(entry);
    if (donor === undefined) {
      // All have been asked: what they have promised comes, and who still wants says so again.
      entry.asked.clear();
      return;
    }
    let most = 0;
    let poorest = Number.POSITIVE_INFINITY;
    for (const [slot, want] of entry.wants) {
      if (slot === donor) continue;
      most += want;
      poorest = Math.min(poorest, entry.held.get(slot) ?? 0);
    }
    entry.asked.add(donor);
    entry.awaited = donor;
    entry.patience = 0;
    const fair = fairOf(entry.size, this.#workers);
    // Who has its fair share takes nothing that another one uses.
    this.#send(donor, { kind: 'give', key, most, fair: poorest < fair ? fair : entry.size });
  }
}

const fairOf = (size: number, workers: number): number => Math.floor(size / workers);

function free({ size, held }: Entry): number {
  let left = size;
  for (const count of held.values()) left -= count;
  return Math.max(0, left);
}

function hold(entry: Entry, slot: number, by: number): void {
  const count = Math.max(0, (entry.held.get(slot) ?? 0) + by);
  if (count === 0) entry.held.delete(slot);
  else entry.held.set(slot, count);
}

/** Of those that were not asked and are not the only ones who want, the one that holds most. */
function richest({ held, wants, asked }: Entry): number | undefined {
  let found: number | undefined;
  let most = 0;
  for (const [slot, count] of held) {
    const alone = wants.size === 1 && wants.has(slot);
    if (asked.has(slot) || alone || count <= most) continue;
    found = slot;
    most = count;
  }
  return found;
}
