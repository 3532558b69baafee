import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';

const collected: unknown[] = [];
globalThis.gc = ((options: unknown) => void collected.push(options)) as NodeJS.GCFunction;
const { beforeRead } = await import('../../../src/net/reclaim.ts');

afterEach(() => {
  collected.length = 0;
});

test('what large reads leave behind is collected every few MB, the young generation alone', () => {
  for (let read = 0; read < 1_600; read++) beforeRead(65_536);
  assert.equal(collected.length, 25);
  assert.ok(collected.every((options) => JSON.stringify(options) === '{"type":"minor"}'));
});

test('small reads never cause a collection', () => {
  for (let read = 0; read < 10_000; read++) beforeRead(8_192);
  assert.deepEqual(collected, []);
});
