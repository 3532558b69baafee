import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ticksOf } from '../../../bench/kernel.ts';
import { usedInLast } from '../../../bench/meter.ts';
import { knowsPrepared } from '../../../bench/peers/pgbouncer.ts';
import { readCount, readLatencies } from '../../../bench/pgbench.ts';
import { readSysbench } from '../../../bench/sysbench.ts';

const REPORT = `number of transactions actually processed: 152340
number of failed transactions: 0 (0.000%)
latency average = 0.525 ms
initial connection time = 33.112 ms
tps = 30468.000000 (without initial connection time)
`;

test('the transactions and their rate are read from the report of pgbench', () => {
  assert.deepEqual(readCount(REPORT), { transactions: 152_340, tps: 30_468, seconds: 5 });
});

test('a run with a failed transaction is not a measurement', () => {
  assert.throws(
    () => readCount(REPORT.replace('failed transactions: 0', 'failed transactions: 2')),
    /failed/,
  );
  assert.throws(() => readCount(`${REPORT}Run was aborted; the above results are incomplete.`), /failed/);
  assert.throws(() => readCount('nothing'), /no figures/);
});

test('latencies are the third field of the log of pgbench', () => {
  assert.deepEqual(readLatencies('0 1 512 0 1700000000 123\n3 7 1024 0 1700000000 456\n'), [0.512, 1.024]);
  assert.deepEqual(readLatencies(''), []);
});

const SYSBENCH = `Latency histogram (values are in milliseconds)
       value  ------------- distribution ------------- count
       0.500 |****                                     90
       1.000 |*                                        8
      50.000 |                                         2

SQL statistics:
    queries:                             6000   (1200.00 per sec.)
    ignored errors:                      0      (0.00 per sec.)
`;

test('queries and percentiles are read from the report of sysbench', () => {
  assert.deepEqual(readSysbench(SYSBENCH), {
    transactions: 6_000,
    tps: 1_200,
    seconds: 5,
    latency: { p50: 0.5, p95: 1, p99: 50 },
  });
  assert.equal(readSysbench(SYSBENCH.slice(SYSBENCH.indexOf('SQL'))).latency, undefined);
});

test('a run of sysbench with an ignored error is not a measurement', () => {
  assert.throws(
    () => readSysbench(SYSBENCH.replace('errors:                      0', 'errors: 3')),
    /failed/,
  );
  assert.throws(() => readSysbench('nothing'), /no figures/);
});

test('processor time counts user and system time, and that of children that have ended', () => {
  const stat = '42 (a name) with) S 1 42 42 0 -1 4194560 100 0 0 0 7 5 3 2 20 0 1 0 100';
  assert.equal(ticksOf(stat), 17);
  assert.equal(ticksOf(''), 0);
});

test('log-ins before the load are left out of its processor time', () => {
  const readings = [
    { at: 0, used: 0 },
    { at: 100, used: 80 },
    { at: 200, used: 100 },
    { at: 300, used: 130 },
  ];
  assert.equal(usedInLast(readings, 200), 50);
  // Between two readings in proportion.
  assert.equal(usedInLast(readings, 150), 40);
  assert.equal(usedInLast(readings, 10_000), 130);
  assert.equal(usedInLast([], 100), 0);
});

test('an older PgBouncer is not given a setting that it does not know', () => {
  assert.equal(knowsPrepared('PgBouncer 1.18.0'), false);
  assert.equal(knowsPrepared('PgBouncer 1.21.0'), true);
  assert.equal(knowsPrepared('PgBouncer 1.26.1'), true);
});
