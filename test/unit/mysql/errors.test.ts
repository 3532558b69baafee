import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, ProxyError } from '../../../src/core/errors.ts';
import { nodeRefused, parseErr, serverError, stateOf, wordings } from '../../../src/mysql/errors.ts';
import { errPacket } from '../../../src/mysql/messages.ts';

const error = (code: ErrorCode, server?: { code: string; message: string }): ProxyError =>
  new ProxyError(code, { side: 'proxy', retry: 'no', tell: 'what happened', ...(server && { server }) });

for (const [code, number, state] of [
  ['AUTH_FAILED', 1045, '28000'],
  ['CLIENT_LIMIT', 1040, '08004'],
  ['POOL_TIMEOUT', 1040, 'HY000'],
  ['HOLD_TIMEOUT', 1205, 'HY000'],
  ['SHUTDOWN', 1053, '08S01'],
  ['CANCELLED', 1317, '70100'],
  ['READ_ONLY_TRANSACTION', 1792, '25006'],
  ['LINK_LOST', 4031, '08S01'],
  ['OUTCOME_UNKNOWN', 4031, '08007'],
  ['NO_SUCH_SESSION', 1094, 'HY000'],
] as const) {
  test(`${code} is told as ${number} (${state})`, () => {
    assert.deepEqual(serverError(error(code)), { code: number, state, message: 'what happened' });
  });
}

test('every number fits an ERR packet and every SQLSTATE has five characters', () => {
  for (const { code, state } of Object.values(wordings)) {
    assert.ok(code > 1_000 && code < 65_536);
    assert.match(state, /^[0-9A-Z]{5}$/);
  }
});

test('only what ends a session or its transaction makes pools throw the connection away', () => {
  const costly = Object.entries(wordings)
    .filter(([, { code, state }]) => state.startsWith('08') || [1105, 4031].includes(code))
    .map(([name]) => name);
  assert.deepEqual(costly.sort(), [
    'AUTH_METHOD',
    'BAD_STARTUP',
    'CLIENT_LIMIT',
    'CONFIG',
    'LINK_LOST',
    'OUTCOME_UNKNOWN',
    'PORT_TAKEN',
    'SHUTDOWN',
    'STARTUP_TIMEOUT',
  ]);
});

test("a server's refusal keeps its number and words, with the SQLSTATE that belongs to it", () => {
  const refusal = error('NODE_REFUSED', { code: '1049', message: "Unknown database 'x'" });
  assert.deepEqual(serverError(refusal), { code: 1049, state: '42000', message: "Unknown database 'x'" });
  assert.equal(stateOf(1062), '23000');
  assert.equal(stateOf(1290), 'HY000');
});

test('what is no number of a server is told as an error of ours', () => {
  const odd = error('NODE_REFUSED', { code: '42P01', message: 'x' });
  assert.deepEqual(serverError(odd), { code: 3168, state: 'HY000', message: 'what happened' });
});

test('an ERR packet is read as it was written, with and without SQLSTATE', () => {
  const facts = { code: 1064, state: '42000', message: 'near é' };
  assert.deepEqual(parseErr(errPacket(1, facts).subarray(4)), facts);
  const early = Buffer.concat([Buffer.from([0xff, 0x10, 0x04]), Buffer.from('Too many connections')]);
  assert.deepEqual(parseErr(early), { code: 1040, state: '', message: 'Too many connections' });
  assert.deepEqual(parseErr(Buffer.from([0xff])), { code: 0, state: '', message: '' });
});

for (const [number, code, retry] of [
  [1040, 'CONNECT_FAILED', 'safe'],
  [1053, 'CONNECT_FAILED', 'safe'],
  [1044, 'NODE_REFUSED', 'no'],
  [1045, 'NODE_REFUSED', 'no'],
  [1049, 'NODE_REFUSED', 'no'],
  [1129, 'NODE_REFUSED', 'safe'],
] as const) {
  test(`a server's ${number} at log-in is ${code}, to be tried again: ${retry}`, () => {
    const refused = nodeRefused(
      'n1',
      errPacket(2, { code: number, state: 'HY000', message: 'no' }).subarray(4),
    );
    assert.equal(refused.code, code);
    assert.equal(refused.retry, retry);
    assert.deepEqual(refused.server, { code: String(number), message: 'no' });
    assert.match(refused.message, /^n1 refused the connection: no/);
  });
}

test('no number is a client library’s own: MariaDB’s would take the packet for a malformed one', () => {
  for (const [name, { code }] of Object.entries(wordings)) assert.ok(code < 2000 || code > 2999, name);
});
