import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Expectation, FORWARD, type Outcome, type ReplySink } from '../../../src/core/wire.ts';
import { PostgresUnit } from '../../../src/postgres/finder.ts';
import { message, readyForQuery } from '../../../src/postgres/messages.ts';
import { behindBegin } from '../../../src/postgres/opening.ts';
import { PostgresServer } from '../../../src/postgres/server.ts';
import { MemoryChannel } from '../../support/memory-channel.ts';

const SYNC = message('S', Buffer.alloc(0));
const BEGUN = Buffer.concat([message('1'), message('2'), message('C', 'BEGIN\0')]);
const FAILED = message('E', 'SERROR\0VERROR\0C25001\0Mit failed\0\0');

/** Feeds what a server says to one expectation; `size`: bytes at a time. */
function said(expect: Expectation, bytes: Buffer, size = bytes.length) {
  const opened = {
    channel: new MemoryChannel(),
    greeting: { parameters: new Map<string, string>() },
    key: Buffer.alloc(8),
  };
  const server = new PostgresServer(opened);
  const delivered: Buffer[] = [];
  const mended: Buffer[] = [];
  const ends: string[] = [];
  const queue = [expect];
  const sink: ReplySink = {
    get head() {
      return queue[0];
    },
    deliver: (part) => void delivered.push(Buffer.from(part)),
    refused: () => false,
    mend: (part) => void mended.push(part),
    copyIn: () => undefined,
    done: ({ status, error }: Outcome) => {
      ends.push(`${status} ${error}`);
      queue.shift();
    },
    aside: () => undefined,
  };
  for (let at = 0; at < bytes.length; at += size) server.feed(bytes.subarray(at, at + size), sink);
  return { delivered: Buffer.concat(delivered), mended: Buffer.concat(mended), ends };
}

function opened(shape: 'simple' | 'extended'): Expectation {
  const bytes = shape === 'simple' ? message('Q', 'SELECT 1\0') : SYNC;
  const unit = new PostgresUnit('whole', shape, bytes);
  return behindBegin(Buffer.from('BEGIN'), unit, { bytes, expect: FORWARD }).expect;
}

describe('a unit right behind the BEGIN that was held back', () => {
  const answer = Buffer.concat([message('C', 'SELECT 1\0'), readyForQuery('transaction')]);

  test('the client sees the answer to its own unit only, however the bytes arrive', () => {
    for (let size = 1; size <= BEGUN.length + answer.length; size++) {
      const { delivered, mended, ends } = said(opened('simple'), Buffer.concat([BEGUN, answer]), size);
      assert.deepEqual(delivered, answer);
      assert.equal(mended.length, 0);
      assert.deepEqual(ends, ['transaction ']);
    }
  });

  test('when the BEGIN fails in front of a Query, the Sync is sent that the server waits for', () => {
    const whole = Buffer.concat([message('1'), message('2'), FAILED, readyForQuery('idle')]);
    const { delivered, mended, ends } = said(opened('simple'), whole);
    assert.deepEqual(mended, SYNC);
    assert.deepEqual(delivered, Buffer.concat([FAILED, readyForQuery('idle')]));
    assert.deepEqual(ends, ['idle 25001']);
  });

  test('a batch brings its own Sync, and an error of the unit itself needs none', () => {
    const batch = said(opened('extended'), Buffer.concat([FAILED, readyForQuery('idle')]));
    assert.equal(batch.mended.length, 0);
    const own = said(opened('simple'), Buffer.concat([BEGUN, FAILED, readyForQuery('failed')]));
    assert.equal(own.mended.length, 0);
    assert.deepEqual(own.ends, ['failed 25001']);
  });
});
