import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { ProxyError } from '../../../src/core/errors.ts';
import { errorResponse, serverRefused, wordings } from '../../../src/postgres/errors.ts';
import { messagesOf } from '../../support/memory-channel.ts';

test('every code of the proxy has an SQLSTATE', async () => {
  const source = await readFile(new URL('../../../src/core/errors.ts', import.meta.url), 'utf8');
  const union = /export type ErrorCode =([^;]+);/.exec(source)?.[1] ?? '';
  const codes = [...union.matchAll(/'(\w+)'/g)].map((match) => match[1] ?? '');
  assert.ok(codes.length > 20, 'the union was found');
  assert.deepEqual(Object.keys(wordings).sort(), codes.sort());
  for (const [code, { sqlstate }] of Object.entries(wordings)) assert.match(sqlstate, /^[0-9A-Z]{5}$/, code);
});

test('drivers are told what they know: who may try again, who must connect anew, who may not', () => {
  const expected = {
    AUTH_FAILED: '28P01',
    CLIENT_LIMIT: '53300',
    POOL_TIMEOUT: '53300',
    HOLD_TIMEOUT: '57P03',
    LINK_LOST: '08006',
    OUTCOME_UNKNOWN: '08007',
    PROTOCOL: '08P01',
    READ_ONLY_TRANSACTION: '25006',
    SHUTDOWN: '57P01',
    TRANSACTION_FAILED: '25P02',
    UNSUPPORTED: '0A000',
  } as const;
  for (const [code, sqlstate] of Object.entries(expected)) {
    assert.equal(wordings[code as keyof typeof expected].sqlstate, sqlstate, code);
  }
});

function fieldsOf(response: Buffer): string[] {
  const [only, ...rest] = messagesOf(response);
  assert.equal(only?.type, 'E');
  assert.equal(rest.length, 0);
  return (only?.body.toString('utf8') ?? '').split('\0');
}

test('an error carries severity, code, what happened and what to do', () => {
  const error = new ProxyError('CLIENT_LIMIT', { side: 'proxy', retry: 'safe', tell: 'no room for Grüße\0' });
  const [severity, always, code, text, hint, ...end] = fieldsOf(errorResponse(error, 'FATAL'));
  assert.deepEqual([severity, always, code, text], ['SFATAL', 'VFATAL', 'C53300', 'Mno room for Grüße ']);
  assert.match(hint ?? '', /^H.*maxClients/);
  assert.deepEqual(end, ['', '']);
});

test("a server's refusal keeps the server's code and words", () => {
  const body = Buffer.from('SFATAL\0VFATAL\0C3D000\0Mdatabase "x" does not exist\0\0');
  const error = serverRefused('pg-1', body);
  assert.equal(error.code, 'NODE_REFUSED');
  assert.match(error.message, /pg-1 .*3D000/);
  assert.deepEqual(fieldsOf(errorResponse(error, 'ERROR')), [
    'SERROR',
    'VERROR',
    'C3D000',
    'Mdatabase "x" does not exist',
    '',
    '',
  ]);
});

test('a refusal without a reason is still an error', () => {
  assert.deepEqual(serverRefused('pg-1', Buffer.alloc(0)).server?.code, 'XX000');
});
