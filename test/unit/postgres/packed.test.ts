import assert from 'node:assert/strict';
import { test } from 'node:test';
import { catalogueOf, viewOf } from '../../../src/postgres/catalogue.ts';
import { postgres } from '../../../src/postgres/engine.ts';

test('a catalogue that went to another process says there what it said here', () => {
  const rows = ['table', 'other', 'quiet', 'function', 'effect', 'attribute', 'operator', 'domain', 'type'];
  const made = catalogueOf([...rows, 'hidden'].map((kind) => ({ kind, name: `a_${kind}` })));
  const there = postgres.unpack(structuredClone(postgres.pack(made)));
  const { id: here, ...said } = viewOf(made);
  const { id, ...says } = viewOf(there);
  assert.deepEqual(says, said);
  assert.notEqual(id, here, 'nothing that was proven by one holds for the other');
});

test('one that has not changed is packed into the same', () => {
  const again = () => postgres.pack(catalogueOf([{ kind: 'table', name: 't' }]));
  assert.deepEqual(again(), again());
});
