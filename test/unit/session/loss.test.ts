import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Intent } from '../../../src/core/intent.ts';
import { nodeId } from '../../../src/core/node.ts';
import { judgeLoss, type LossFacts } from '../../../src/session/loss.ts';

const intent = (kind: Intent['kind']): Intent => ({
  kind,
  because: 'X',
  detail: '',
  hint: undefined,
  begin: undefined,
  settings: [],
  pin: undefined,
  audit: false,
  here: false,
  names: 'known',
});

const verdict = (owed: Intent['kind'][], more: Partial<LossFacts> = {}): string => {
  const judged = judgeLoss({
    node: nodeId('pg-1'),
    words: 'gone',
    owed: owed.map(intent),
    began: false,
    inTransaction: false,
    pinned: false,
    onPrimary: true,
    settling: false,
    retried: false,
    ...more,
  });
  return judged.again ? 'again' : judged.error.code;
};

describe('I5: a link is lost under a session', () => {
  test('a lone read of which the client has seen nothing runs once more', () => {
    assert.equal(verdict(['read']), 'again');
    assert.equal(verdict(['read'], { retried: true }), 'LINK_LOST');
  });

  test('a read whose answer has begun, in a transaction, behind a pin or among others is not repeated', () => {
    assert.equal(verdict(['read'], { began: true }), 'LINK_LOST');
    assert.equal(verdict(['read'], { inTransaction: true }), 'LINK_LOST');
    assert.equal(verdict(['read'], { pinned: true }), 'LINK_LOST');
    assert.equal(verdict(['read', 'read']), 'LINK_LOST');
  });

  test('a write in flight is reported as unknown, never repeated', () => {
    assert.equal(verdict(['write']), 'OUTCOME_UNKNOWN');
    assert.equal(verdict(['read', 'write']), 'OUTCOME_UNKNOWN');
  });

  test('a COMMIT in flight is reported as unknown', () => {
    assert.equal(verdict(['end'], { inTransaction: true }), 'OUTCOME_UNKNOWN');
  });

  test('on a replica nothing can have taken effect: its transaction was rolled back, whatever was in flight', () => {
    assert.equal(verdict(['end'], { inTransaction: true, onPrimary: false }), 'LINK_LOST');
  });

  test('a loss while the server is asked what was left is no loss of what was answered, but it is told', () => {
    assert.equal(verdict([], { settling: true }), 'LINK_LOST');
    assert.equal(verdict(['read'], { settling: true }), 'LINK_LOST');
  });

  test('a transaction without its COMMIT in flight was rolled back', () => {
    assert.equal(verdict(['write'], { inTransaction: true }), 'LINK_LOST');
    assert.equal(verdict([], { inTransaction: true }), 'LINK_LOST');
  });
});
