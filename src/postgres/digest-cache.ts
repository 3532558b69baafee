import type { Intent } from '../core/intent.ts';

/** Bytes of keys in one generation; two are kept. */
const GENERATION_BYTES = 4 * 1024 * 1024;
const GENERATION_ENTRIES = 10_000;

/**
 * Intents by normal form. Two generations: what is used in the older one moves to the younger, and when the
 * younger is full the older is dropped. Bounded in bytes and entries; a key is compared as a whole.
 */
export class DigestCache {
  #young = new Map<string, Intent>();
  #old = new Map<string, Intent>();
  #bytes = 0;

  get(key: string): Intent | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, intent: Intent): void {
    if (this.#young.size >= GENERATION_ENTRIES || this.#bytes + key.length > GENERATION_BYTES) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#bytes = 0;
    }
    this.#young.set(key, intent);
    this.#bytes += key.length;
  }
}
