import type { Catalogue } from '../core/catalogue.ts';
import type { ClusterDown, ClusterUp } from './messages.ts';

interface Known {
  catalogue: Catalogue | undefined;
  edition: number;
  doubted: boolean;
  /** Changes of the schema that passed here. */
  doubts: number;
}

export interface NamesOptions {
  send(message: ClusterUp): void;
  unpack(packed: unknown): Catalogue;
  /** What the names of a database mean from now on. */
  apply(database: string, catalogue: Catalogue): void;
  doubt(database: string): void;
}

/** The catalogues in a worker: the parent reads them, and is told which are needed and which have changed. */
export class Names {
  readonly #options: NamesOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: NamesOptions) {
    this.#options = options;
  }

  need(database: string): Catalogue | undefined {
    const known = this.#known.get(database);
    if (known !== undefined) return known.doubted ? undefined : known.catalogue;
    this.#known.set(database, { catalogue: undefined, edition: 0, doubted: false, doubts: 0 });
    this.#options.send({ kind: 'need', database });
    return undefined;
  }

  /** What it was last told; nothing is asked for. */
  known(database: string): Catalogue | undefined {
    return this.#known.get(database)?.catalogue;
  }

  stale(database: string, how: 'missed' | 'changed'): void {
    const known = this.#known.get(database);
    if (known === undefined) return;
    if (how === 'changed') {
      known.doubts++;
      known.doubted = true;
      this.#options.doubt(database);
    }
    this.#options.send({ kind: 'stale', database, how, doubts: known.doubts });
  }

  doubted(database: string): void {
    const known = this.#known.get(database);
    if (known === undefined) return;
    known.doubted = true;
    this.#options.doubt(database);
  }

  learned(message: Extract<ClusterDown, { kind: 'catalogue' }>): void {
    const { database, edition, packed, doubts } = message;
    const known = this.#known.get(database);
    if (known === undefined) return;
    if (packed !== undefined) {
      known.catalogue = this.#options.unpack(packed);
      known.edition = edition;
    }
    // It was read before the parent heard of the last change here.
    if (doubts < known.doubts || known.edition !== edition || known.catalogue === undefined) return;
    known.doubted = false;
    this.#options.apply(database, known.catalogue);
  }
}
