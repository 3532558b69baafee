import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { editDistance, nearest } from '../../../src/config/nearest.ts';
import { durationMs, sizeBytes } from '../../../src/config/units.ts';

describe('durations are written with their unit and mean milliseconds', () => {
  const rows: [string, number | undefined][] = [
    ['500ms', 500],
    ['10s', 10_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1.5s', 1500],
    ['0s', 0],
    ['10', undefined],
    ['10 s', undefined],
    ['-1s', undefined],
    ['1d', undefined],
    ['s', undefined],
    ['', undefined],
  ];
  for (const [text, ms] of rows) test(`'${text}' is ${ms}`, () => assert.equal(durationMs(text), ms));
});

describe('sizes are written with their unit and mean bytes', () => {
  const rows: [string, number | undefined][] = [
    ['512B', 512],
    ['64kB', 64_000],
    ['2MB', 2_000_000],
    ['1GB', 1_000_000_000],
    ['64KiB', 65_536],
    ['16MiB', 16_777_216],
    ['1GiB', 1_073_741_824],
    ['1.5KiB', 1536],
    ['64KB', undefined],
    ['64kb', undefined],
    ['64', undefined],
    ['MiB', undefined],
  ];
  for (const [text, bytes] of rows) test(`'${text}' is ${bytes}`, () => assert.equal(sizeBytes(text), bytes));
});

test('the nearest word is the one fewest edits away, and none if all are far', () => {
  assert.equal(editDistance('kitten', 'sitting'), 3);
  assert.equal(editDistance('', 'abc'), 3);
  assert.equal(nearest('sise', ['mode', 'size', 'waiters']), 'size');
  assert.equal(nearest('waittimeout', ['waiters', 'waitTimeout']), 'waitTimeout');
  assert.equal(nearest('banana', ['mode', 'size']), undefined);
});
