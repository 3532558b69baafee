import assert from 'node:assert/strict';
import { test } from 'node:test';
import { syncRequirement } from '../../../src/postgres/synchronous.ts';

const replicas = 3;

for (const [names, needed, listed] of [
  ['', 0, 0],
  ['  ', 0, 0],
  ['a', 1, 1],
  ['a, b', 1, 2],
  ['a,b,A', 1, 2],
  ['*', 1, replicas],
  ['"*"', 1, replicas],
  ['2 (a, b, c)', 2, 3],
  ['2(a,b,c)', 2, 3],
  ['FIRST 2 (a, b)', 2, 2],
  ['first 1 (*)', 1, replicas],
  ['ANY 2 (*)', 2, replicas],
  ['any 2("pg 1", pg_2, "say ""hi""")', 2, 3],
  ['ANY 1 (*, a)', 1, replicas],
  ['first', 1, 1],
  ['any, first', 1, 2],
  ['FIRST 2 (a, b', 1, replicas],
  ['"a', 1, replicas],
] as const) {
  test(`synchronous_standby_names = '${names}': ${needed} of ${listed} standbys are awaited`, () => {
    assert.deepEqual(syncRequirement(names, replicas), { needed, listed });
  });
}
