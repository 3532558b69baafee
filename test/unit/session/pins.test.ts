import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditSees, keepsState } from '../../../src/session/pins.ts';

test('a session that is only bound to its link has nothing there, whatever else pins it has', () => {
  assert.equal(keepsState([]), false);
  assert.equal(keepsState(['session-pooling']), false);
  assert.equal(keepsState(['session-pooling', 'temporary-object']), true);
  assert.equal(keepsState(['user-variable']), true);
});

test('no audit takes back a pin whose state no server shows', () => {
  for (const pin of ['session-pooling', 'session-state', 'user-variable', 'table-lock'] as const)
    assert.equal(auditSees(pin), false, pin);
  for (const pin of ['temporary-object', 'advisory-lock', 'not-audited'] as const)
    assert.equal(auditSees(pin), true, pin);
});
