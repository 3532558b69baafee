import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { table } from '../../../src/failover/rules.ts';

const spec = readFileSync('src/failover/SPEC.md', 'utf8');
const rules = new Map(
  Object.values(table)
    .flat()
    .map((rule) => [rule.id, rule]),
);

test('the specification lists every rule with its reason, and no other', () => {
  const rows = [...spec.matchAll(/^\| (F\d\d) \| [^|]* \| ([^|]*) \|$/gm)].map(([, id, reason]) => [
    id,
    reason,
  ]);
  const expected = [...rules.values()].map((rule) => [rule.id, rule.reason]);
  assert.deepEqual(rows.sort(), expected.sort());
});

test('the specification says in which phases a rule holds', () => {
  for (const [, id = '', phases = ''] of spec.matchAll(/^\| (F\d\d) \| ([^|]*) \| /gm)) {
    const actual = Object.entries(table)
      .filter(([, list]) => list.some((rule) => rule.id === id))
      .map(([name]) => name);
    const said = phases === 'all' ? Object.keys(table) : phases.split(', ');
    assert.deepEqual(said, actual, id);
  }
});

test('two rules never share a number', () => {
  const byId = new Map<string, unknown>();
  for (const rule of Object.values(table).flat()) {
    assert.equal(byId.get(rule.id) ?? rule, rule, rule.id);
    byId.set(rule.id, rule);
  }
});

test('the checklist and the tests name each other: every invariant test is listed, every listed test exists', () => {
  const folder = 'test/unit/failover';
  const texts = readdirSync(folder)
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => readFileSync(`${folder}/${name}`, 'utf8'));
  const tests = texts.flatMap((text) =>
    [...text.matchAll(/test\('(I\d+: [^']*)'/g)].map(([, title]) => title),
  );
  const listed = [...spec.matchAll(/^- \[x\] (I\d+: .*)$/gm)].map(([, title]) => title);
  assert.ok(tests.length > 20);
  assert.deepEqual([...listed].sort(), [...tests].sort());
});
