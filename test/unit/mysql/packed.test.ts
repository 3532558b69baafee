import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assumedCatalogue, type CatalogueNames, catalogueOf, viewOf } from '../../../src/mysql/catalogue.ts';
import { mysql } from '../../../src/mysql/engine.ts';

const NAMES: CatalogueNames = {
  tables: [
    { schema: 'shop', name: 'Order', plain: true },
    { schema: 'shop', name: 'seen', plain: false },
  ],
  functions: ['Tax'],
  routinesLock: true,
  firing: ['order'],
  settled: ['tidy'],
  caseCounts: true,
  version: '8.4.0',
};

test('a catalogue that went to another process says there what it said here', () => {
  for (const caseCounts of [true, false]) {
    const made = catalogueOf({ ...NAMES, caseCounts });
    const there = viewOf(mysql.unpack(structuredClone(mysql.pack(made))));
    const here = viewOf(made);
    for (const table of ['Order', 'order', 'seen', 'none']) {
      assert.equal(there.plain('shop', table), here.plain('shop', table), table);
      assert.equal(there.known('shop', table), here.known('shop', table), table);
      assert.equal(there.fires(table), here.fires(table), table);
    }
    assert.equal(there.plain('shop', 'order'), !caseCounts);
    assert.deepEqual(
      [there.hasFunction('tax'), there.hasFunctions, there.firesAny, there.routinesLock, there.version],
      [true, true, true, true, '8.4.0'],
    );
    assert.deepEqual([there.settled('tidy'), there.settled('other')], [true, false]);
    assert.notEqual(there.id, here.id, 'nothing that was proven by one holds for the other');
  }
});

test('one that nobody has read is not packed', () => {
  assert.throws(() => mysql.pack(assumedCatalogue()), /nobody has read/);
});
