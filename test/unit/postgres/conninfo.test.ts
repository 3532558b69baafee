import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseConninfo, pointedAt, slotName } from '../../../src/postgres/conninfo.ts';

const upstream = {
  endpoint: { host: '10.0.0.2', port: 5433 },
  user: 'replicator',
  password: "it's \\ hard",
  applicationName: 'pg-3',
};

test('a replica is pointed at another primary and keeps what else was set', () => {
  const current = "user=replicator host=old hostaddr=10.0.0.1 sslmode=verify-full options='-c a=b' port=1";
  const next = parseConninfo(pointedAt(current, upstream));
  assert.deepEqual(Object.fromEntries(next), {
    sslmode: 'verify-full',
    options: '-c a=b',
    host: '10.0.0.2',
    port: '5433',
    user: 'replicator',
    password: "it's \\ hard",
    application_name: 'pg-3',
  });
});

test("a password that is not configured stays as it was set, but not for another user's", () => {
  const without = { ...upstream, password: undefined };
  const current = "user=replicator password='old one' passfile=/x";
  assert.equal(parseConninfo(pointedAt(current, without)).get('password'), 'old one');
  assert.equal(parseConninfo(pointedAt(current, without)).get('passfile'), '/x');
  const another = parseConninfo(pointedAt(current, { ...without, user: 'other' }));
  assert.equal(another.has('password'), false);
});

test('the parameters of a URI are kept', () => {
  const next = parseConninfo(pointedAt('postgresql://u:p@h:1/db?sslmode=require&a=b%20c', upstream));
  assert.equal(next.get('sslmode'), 'require');
  assert.equal(next.get('a'), 'b c');
  assert.equal(next.get('host'), '10.0.0.2');
});

test('any value comes back from its quotes as it was', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (password, applicationName) => {
      const pairs = parseConninfo(pointedAt('', { ...upstream, password, applicationName }));
      assert.equal(pairs.get('password'), password);
      assert.equal(pairs.get('application_name'), applicationName);
    }),
  );
});

test('any text can be read, also one that is no connection string', () => {
  fc.assert(fc.property(fc.string(), (text) => parseConninfo(text).size >= 0));
});

test('a slot has our prefix, a name that servers take, and is of one node only', () => {
  assert.equal(slotName('pg-1'), 'pointsman_pg_1');
  const names = ['pg-1', 'pg_1', 'PG-1', 'pg.1', 'pg 1', `${'x'.repeat(80)}1`, `${'x'.repeat(80)}2`];
  const slots = names.map((name) => slotName(name));
  assert.equal(new Set(slots).size, names.length);
  for (const slot of slots) assert.match(slot, /^pointsman_[a-z0-9_]{1,53}$/);
});
