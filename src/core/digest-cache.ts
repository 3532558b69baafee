import type { Intent } from './intent.ts';

export interface DigestBounds {
  /** Bytes of keys in one generation; two are kept. */
  readonly bytes: number;
  readonly entries: number;
}

const USUAL: DigestBounds = { bytes: 4 * 1024 * 1024, entries: 10_000 };

/**
 * Intents by normal form. Two generations: what is used in the older one moves to the younger, and when the
 * younger is full the older is dropped. Bounded in bytes and entries; a key is compared as a whole.
 */
export class DigestCache<I extends Intent> {
  readonly #bounds: DigestBounds;
  #young = new Map<string, I>();
  #old = new Map<string, I>();
  #bytes = 0;

  constructor(bounds: DigestBounds = USUAL) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(key: string): I | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, intent: I): void {
    if (this.#young.size >= this.#bounds.entries || this.#bytes + key.length > this.#bounds.bytes) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#bytes = 0;
    }
    this.#young.set(key, intent);
    this.#bytes += key.length;
  }
}
