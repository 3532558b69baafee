import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { shownName } from '../../../src/postgres/application-name.ts';

test('a short name is shown as it is', () => {
  assert.deepEqual(shownName('pointsman:main:host-1:4711'), {
    name: 'pointsman:main:host-1:4711',
    prefix: 'pointsman:main:',
  });
});

test('I12: two instances never look alike, however long their names, and share the prefix of their cluster', () => {
  const part = fc.string({ minLength: 1, maxLength: 100 });
  const cluster = part.map((text) => text.replaceAll(':', '-'));
  fc.assert(
    fc.property(cluster, part, part, (name, a, b) => {
      const one = shownName(`pointsman:${name}:${a}`);
      const two = shownName(`pointsman:${name}:${b}`);
      assert.equal(one.prefix, two.prefix);
      assert.ok(one.name.startsWith(one.prefix));
      assert.equal(one.name === two.name, a === b);
      assert.match(one.name, /^[\x20-\x7e]{1,63}$/);
    }),
  );
  const long = 'instance-'.repeat(12);
  assert.notEqual(shownName(`pointsman:main:${long}1`).name, shownName(`pointsman:main:${long}2`).name);
});
