import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { Catalogue } from '../../../src/core/catalogue.ts';
import { Catalogues } from '../../../src/topology/catalogues.ts';
import { ManualClock } from '../failover/clock.ts';

/** What a test hears of one database: readings that it answers itself, and what was made of them. */
function watched() {
  const clock = new ManualClock();
  const heard: string[] = [];
  const readings: { resolve(name: string): void; reject(): void }[] = [];
  const catalogues = new Catalogues({
    clock,
    maxAgeMs: 10_000,
    minGapMs: 100,
    read: () =>
      new Promise((resolve, reject) => {
        readings.push({
          resolve: (name) => resolve({ name } as unknown as Catalogue),
          reject: () => reject(new Error('no primary')),
        });
      }),
    same: (a, b) => isDeepStrictEqual(a, b),
    apply: (_database, catalogue) => void heard.push((catalogue as unknown as { name: string }).name),
    doubt: () => void heard.push('doubt'),
  });
  return { clock, heard, readings, catalogues };
}

describe('the catalogues of the databases in use', () => {
  test('one is read when first needed, once for all who need it, and again when it has grown old', async () => {
    const { clock, heard, readings, catalogues } = watched();
    assert.equal(catalogues.need('d'), undefined);
    assert.equal(catalogues.need('d'), undefined);
    assert.equal(readings.length, 1);
    readings[0]?.resolve('first');
    await clock.run(1);
    assert.deepEqual(heard, ['first']);
    assert.deepEqual(catalogues.need('d'), { name: 'first' });
    await clock.run(10_000);
    assert.equal(readings.length, 2);
    catalogues.close();
  });

  test('one that says what the last one said is that one: what was judged by it still holds', async () => {
    const { clock, heard, readings, catalogues } = watched();
    catalogues.need('d');
    readings[0]?.resolve('first');
    await clock.run(1);
    const first = catalogues.known('d');
    for (const name of ['first', 'second']) {
      catalogues.changed('d');
      await clock.run(1_000);
      readings.at(-1)?.resolve(name);
      await clock.run(1);
      assert.equal(catalogues.known('d') === first, name === 'first');
    }
    assert.deepEqual(heard, ['first', 'doubt', 'first', 'doubt', 'second']);
    catalogues.close();
  });

  test('names that were missed are looked for soon, and not more often than the gap allows', async () => {
    const { clock, readings, catalogues } = watched();
    catalogues.need('d');
    readings[0]?.resolve('first');
    await clock.run(1);
    for (let n = 0; n < 50; n++) catalogues.missed('d');
    await clock.run(98);
    assert.equal(readings.length, 1);
    await clock.run(10);
    assert.equal(readings.length, 2);
    catalogues.close();
  });

  test('a changed schema is doubted at once, for new sessions too, until it has been read after the change', async () => {
    const { clock, heard, readings, catalogues } = watched();
    catalogues.need('d');
    readings[0]?.resolve('first');
    await clock.run(200);
    catalogues.missed('d');
    await clock.run(1);
    catalogues.changed('d');
    // Asked for before the change: what it brings may be from before.
    readings[1]?.resolve('before');
    await clock.run(50);
    assert.deepEqual(heard, ['first', 'doubt']);
    assert.equal(catalogues.need('d'), undefined);
    await clock.run(100);
    readings[2]?.resolve('after');
    await clock.run(1);
    assert.deepEqual(heard, ['first', 'doubt', 'after']);
    catalogues.close();
  });

  test('a reading that fails is tried again, and what is known stays', async () => {
    const { clock, heard, readings, catalogues } = watched();
    catalogues.need('d');
    readings[0]?.reject();
    await clock.run(401);
    readings[1]?.resolve('second');
    await clock.run(1);
    assert.deepEqual(heard, ['second']);
    catalogues.close();
    await clock.run(60_000);
    assert.equal(readings.length, 2);
  });
});
