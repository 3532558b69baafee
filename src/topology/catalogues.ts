import type { Catalogue } from '../core/catalogue.ts';
import type { Clock, Timer } from '../core/clock.ts';

export interface CataloguesOptions {
  readonly clock: Clock;
  /** Reads the catalogue of a database on the primary; rejects when there is none to ask. */
  read(database: string): Promise<Catalogue>;
  /** They say the same. */
  same(a: Catalogue, b: Catalogue): boolean;
  /** What the names of a database mean from now on. Where nothing has changed it is the same object as before. */
  apply(database: string, catalogue: Catalogue): void;
  /** The schema is changing: until `apply`, what is known of it proves no read. */
  doubt(database: string): void;
  /** How old a catalogue may become, in ms. */
  readonly maxAgeMs: number;
  /** Least time from one reading of a database to the next, in ms. */
  readonly minGapMs: number;
}

interface Entry {
  catalogue: Catalogue | undefined;
  /** The schema has changed since. */
  doubted: boolean;
  reading: boolean;
  /** Asked for again while it was being read. */
  again: boolean;
  readAt: number;
  timer: Timer | undefined;
}

/**
 * Keeps the catalogues of the databases in use: read when first needed, when names in a statement were unknown,
 * after changes of the schema passed through, and when they have grown old. Owns its timers.
 */
export class Catalogues {
  readonly #options: CataloguesOptions;
  readonly #entries = new Map<string, Entry>();
  #closed = false;

  constructor(options: CataloguesOptions) {
    this.#options = options;
  }

  /** A session uses this database: what is known of it. Its catalogue is read if nothing is. */
  need(database: string): Catalogue | undefined {
    const known = this.#entries.get(database);
    if (known !== undefined || this.#closed) return known?.doubted === true ? undefined : known?.catalogue;
    const entry: Entry = {
      catalogue: undefined,
      doubted: false,
      reading: false,
      again: false,
      readAt: -1,
      timer: undefined,
    };
    this.#entries.set(database, entry);
    void this.#read(database);
    return undefined;
  }

  /** What was last read, if anything; starts nothing. */
  known(database: string): Catalogue | undefined {
    return this.#entries.get(database)?.catalogue;
  }

  /** A name was not in it: read it again, soon. */
  missed(database: string): void {
    this.#soon(database);
  }

  /** The schema changes: no read is proven by what is known until it has been read again. */
  changed(database: string): void {
    const entry = this.#entries.get(database);
    if (entry !== undefined) entry.doubted = true;
    this.#options.doubt(database);
    this.#soon(database);
  }

  /** Another primary: what it says counts. */
  refresh(): void {
    for (const database of this.#entries.keys()) this.#soon(database);
  }

  /** Nobody uses the database any more. */
  forget(database: string): void {
    this.#entries.get(database)?.timer?.cancel();
    this.#entries.delete(database);
  }

  close(): void {
    this.#closed = true;
    for (const entry of this.#entries.values()) entry.timer?.cancel();
    this.#entries.clear();
  }

  #soon(database: string): void {
    const entry = this.#entries.get(database);
    if (entry === undefined || this.#closed) return;
    if (entry.reading) {
      entry.again = true;
      return;
    }
    const { clock, minGapMs } = this.#options;
    this.#after(database, entry, entry.readAt < 0 ? minGapMs : entry.readAt + minGapMs - clock.now());
  }

  #after(database: string, entry: Entry, ms: number): void {
    entry.timer?.cancel();
    entry.timer = this.#options.clock.after(Math.max(0, ms), () => void this.#read(database));
  }

  #apply(database: string, entry: Entry, catalogue: Catalogue): void {
    const { apply, same } = this.#options;
    // What was judged and learned by what it says still holds.
    const known =
      entry.catalogue !== undefined && same(entry.catalogue, catalogue) ? entry.catalogue : catalogue;
    entry.catalogue = known;
    entry.doubted = false;
    apply(database, known);
  }

  async #read(database: string): Promise<void> {
    const entry = this.#entries.get(database);
    if (entry === undefined || entry.reading) return;
    const { clock, read, maxAgeMs, minGapMs } = this.#options;
    entry.timer?.cancel();
    entry.reading = true;
    entry.again = false;
    entry.readAt = clock.now();
    let next = maxAgeMs;
    try {
      const catalogue = await read(database);
      // Asked for again meanwhile: what was read may be from before the change.
      if (this.#entries.get(database) === entry && !entry.again) this.#apply(database, entry, catalogue);
    } catch {
      // Without a catalogue everything unknown goes to the primary: slower, never wrong.
      next = minGapMs * 4;
    }
    entry.reading = false;
    if (this.#closed || this.#entries.get(database) !== entry) return;
    this.#after(database, entry, entry.again ? minGapMs : next);
  }
}
