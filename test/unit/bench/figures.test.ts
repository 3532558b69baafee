import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figure, median, pairedRatio, table, times } from '../../../bench/figures.ts';
import { readOptions } from '../../../bench/options.ts';
import { readCount } from '../../../bench/pgbench.ts';
import { knowsPrepared } from '../../../bench/pgbouncer.ts';

test('the median is the middle value, whatever the order', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([10, 9, 100]), 10);
  assert.ok(Number.isNaN(median([])));
});

test('a ratio is taken within each round, so that a slow round weighs on both', () => {
  assert.equal(pairedRatio([20, 200, 40], [10, 100, 10]), 2);
  assert.ok(Number.isNaN(pairedRatio([1], [])));
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

const REPORT = `number of transactions actually processed: 152340
number of failed transactions: 0 (0.000%)
latency average = 0.525 ms
initial connection time = 33.112 ms
tps = 30468.123456 (without initial connection time)
`;

test('the transactions and their rate are read from the report of pgbench', () => {
  assert.deepEqual(readCount(REPORT), { transactions: 152_340, tps: 30_468.123456 });
});

test('a run with a failed transaction is not a measurement', () => {
  assert.throws(
    () => readCount(REPORT.replace('failed transactions: 0', 'failed transactions: 2')),
    /failed/,
  );
  assert.throws(() => readCount(`${REPORT}Run was aborted; the above results are incomplete.`), /failed/);
  assert.throws(() => readCount('nothing'), /no figures/);
});

test('each benchmark has its own defaults', () => {
  assert.deepEqual(readOptions([])?.clients, [1, 4, 16, 64]);
  assert.equal(readOptions(['cost'])?.rounds, 5);
  assert.deepEqual(readOptions(['idle'])?.clients, [5_000]);
  assert.equal(readOptions(['--help']), undefined);
});

test('a wrong option is an error that names it', () => {
  assert.throws(() => readOptions(['cost', '--rounds', '0']), /--rounds takes whole numbers from 1/);
  assert.throws(() => readOptions(['cost', '--clients', '16,x']), /--clients/);
  assert.throws(() => readOptions(['speed']), /no benchmark speed/);
});

test('an older PgBouncer is not given a setting that it does not know', () => {
  assert.equal(knowsPrepared('PgBouncer 1.18.0'), false);
  assert.equal(knowsPrepared('PgBouncer 1.21.0'), true);
  assert.equal(knowsPrepared('PgBouncer 1.26.1'), true);
});
