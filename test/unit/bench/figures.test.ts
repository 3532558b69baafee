import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figure, latencyOf, median, pairedRatio, ratios, table, times } from '../../../bench/figures.ts';

test('the median is the middle value, whatever the order', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([10, 9, 100]), 10);
  assert.ok(Number.isNaN(median([])));
});

test('a round that failed weighs nothing', () => {
  assert.equal(median([Number.NaN, 3, 1, 2]), 2);
  assert.equal(pairedRatio([20, Number.NaN, 40], [10, 1, 10]), 3);
});

test('a ratio is taken within each round, so that a slow round weighs on both', () => {
  assert.deepEqual(ratios([20, 200, 40], [10, 100, 10]), [2, 2, 4]);
  assert.equal(pairedRatio([20, 200, 40], [10, 100, 10]), 2);
  assert.ok(Number.isNaN(pairedRatio([1], [])));
});

test('a percentile is a value that was measured, and p99 of few is the greatest', () => {
  const values = Array.from({ length: 200 }, (_, at) => 200 - at);
  assert.deepEqual(latencyOf(values), { p50: 100, p95: 190, p99: 198 });
  assert.deepEqual(latencyOf([3, 1, 2]), { p50: 2, p95: 3, p99: 3 });
  assert.ok(Number.isNaN(latencyOf([]).p50));
});

test('what was not measured is a dash, never a number', () => {
  assert.equal(figure(Number.NaN), '–');
  assert.equal(figure(undefined), '–');
  assert.equal(times(Number.NaN), '–');
  assert.equal(figure(12_345.67, 1), '12,345.7');
  assert.equal(times(1.618), '1.62 ×');
});

test('a table is Markdown', () => {
  assert.equal(
    table(['who', 'tps'], [['direct', '9']]),
    ['| who    | tps |', '| ------ | --: |', '| direct |   9 |'].join('\n'),
  );
});
