import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { SpawnedProxy } from './spawned.ts';

export const CONNECTS = 10_000;
const ROUNDS = 3;
const AT_ONCE = 50;
/** Bytes that a connection may leave behind: what the noise of a collection is, over all of them. */
const LEFT_BYTES = 100;

/** Connections come, send nothing or a few random bytes, and go; nothing of them stays in the proxy's memory. */
export async function assertFlat(
  proxy: SpawnedProxy,
  connect: (bytes: Buffer) => Promise<unknown>,
): Promise<void> {
  const held: number[] = [];
  const resident: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (let n = 0; n < CONNECTS / ROUNDS; n += AT_ONCE) {
      const some = Array.from({ length: AT_ONCE }, (_, one) =>
        connect(one % 2 === 0 ? Buffer.alloc(0) : randomBytes(30)),
      );
      await Promise.all(some);
    }
    held.push(await proxy.held());
    resident.push(await proxy.resident());
  }
  const shown = (sizes: number[]): string => sizes.map((size) => (size / 1e6).toFixed(1)).join(', ');
  console.log(`  MB held after each third: ${shown(held)}; resident: ${shown(resident)}`);
  const [first = 0] = held;
  const last = held.at(-1) ?? Number.POSITIVE_INFINITY;
  assert.ok(last - first < LEFT_BYTES * CONNECTS, `what is held grew from ${first} to ${last} bytes`);
}
