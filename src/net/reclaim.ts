/** Reads up to this many bytes are left to V8. */
const SMALL = 8_192;
/** Bytes of large reads between two collections. */
const EVERY = 4 * 1024 * 1024;

const collect = globalThis.gc;
let since = 0;

/**
 * Called for every read, before what it brought is handed on. Node reads into fresh memory each time, and V8 lets tens
 * of MB of it gather before it looks through the whole heap, all idle clients included. A collection of the young
 * generation alone costs a fraction of a ms, and the next reads go to memory that the processor still has at hand: a
 * large result takes half the time. Without --expose-gc (bin/node.mjs) V8 does as it does.
 */
export function beforeRead(bytes: number): void {
  if (bytes <= SMALL || collect === undefined) return;
  since += bytes;
  if (since < EVERY) return;
  since = 0;
  void collect({ type: 'minor' });
}
