import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOptions } from '../../../bench/options.ts';
import { askedFor } from '../../../bench/profile.ts';

test('each benchmark has its own defaults, and of everything each part has its own', () => {
  assert.equal(readOptions([])?.command, 'all');
  assert.equal(readOptions([], 'bars')?.rounds, 5);
  assert.equal(readOptions([], 'survey')?.rounds, 3);
  assert.deepEqual(readOptions([], 'survey')?.clients, [1, 4, 16, 64, 200, 1_000]);
  assert.equal(readOptions(['cost'], 'survey')?.rounds, 5);
  assert.deepEqual(readOptions(['profile'])?.clients, [64]);
  assert.equal(readOptions(['--help']), undefined);
});

test('in a hurry everything is measured once and shortly, unless it is said otherwise', () => {
  assert.equal(readOptions(['--quick'])?.rounds, 1);
  assert.equal(readOptions(['--quick'])?.seconds, 1);
  assert.equal(readOptions(['--quick', '--seconds', '2'])?.seconds, 2);
});

test('the load of a trial is profiled, or the one that the other options describe', () => {
  assert.equal(readOptions(['profile'])?.trial, undefined);
  assert.equal(readOptions(['profile', '--trial', 'tpcb-16'])?.trial, 'tpcb-16');
  const asked = (...args: string[]) => {
    const options = readOptions(['profile', ...args]);
    assert.ok(options);
    const { engine, title, load } = askedFor(options);
    return [engine, title, load.reads];
  };
  assert.deepEqual(asked(), ['postgres', 'pgbench -S, simple, 64 clients', 'primary']);
  assert.deepEqual(asked('--engine', 'mysql', '--protocol', 'prepared', '--clients', '4'), [
    'mysql',
    'mysql: oltp_point_select, prepared, 4 threads',
    'primary',
  ]);
  assert.deepEqual(asked('--trial', 'mariadb-64'), [
    'mariadb',
    'mariadb: oltp_point_select, as text, 64 threads',
    'primary',
  ]);
  assert.deepEqual(asked('--trial', 'split-32'), ['postgres', 'pgbench -S, simple, 32 clients', 'replicas']);
  assert.throws(() => asked('--trial', 'idle'), /--trial takes select-64, .*connects: idle has no load/);
});

test('a wrong option is an error that names it', () => {
  assert.throws(() => readOptions(['cost', '--rounds', '0']), /--rounds takes whole numbers from 1/);
  assert.throws(() => readOptions(['cost', '--clients', '16,x']), /--clients/);
  assert.throws(() => readOptions(['speed']), /no benchmark speed/);
  assert.throws(() => readOptions(['bars', 'survey']), /one command at a time/);
  assert.throws(() => readOptions(['bars', '--only', 'select-65']), /--only takes select-64/);
  assert.throws(() => readOptions(['profile', '--trial', 'select-65']), /--trial takes select-64/);
  assert.throws(() => readOptions(['cost', '--engine', 'oracle']), /--engine takes postgres/);
});
