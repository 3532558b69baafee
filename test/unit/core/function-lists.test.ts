import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listsId } from '../../../src/core/function-lists.ts';

const lists = (allow: string[], deny: string[] = []) => ({ allow: new Set(allow), deny: new Set(deny) });

test('lists of the same names have the same number, in whatever order and however often they are made', () => {
  const id = listsId(lists(['a', 'b']));
  assert.equal(listsId(lists(['b', 'a'])), id);
  const next = listsId(lists(['only here']));
  for (let n = 0; n < 100; n++) listsId(lists(['a', 'b']));
  assert.equal(listsId(lists(['and here'])), next + 1);
});

test('other lists have another number', () => {
  const ids = [
    lists([]),
    lists(['x']),
    lists([], ['x']),
    lists(['x'], ['x']),
    lists(['x,y']),
    lists(['x', 'y']),
  ];
  assert.equal(new Set(ids.map(listsId)).size, ids.length);
});
