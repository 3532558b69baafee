import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TimedOut } from '../../../src/net/deadline.ts';
import { failureOf } from '../../../src/postgres/failure.ts';

const of = (code: string, message = ''): Error => Object.assign(new Error(message), { code });
const said = (code: string, message = ''): Error =>
  Object.assign(new Error(message), { code, severity: 'FATAL' });

for (const [error, failure] of [
  [of('ECONNREFUSED'), 'refused'],
  [of('ECONNRESET'), 'reset'],
  [of('EPIPE'), 'reset'],
  [of('ETIMEDOUT'), 'timeout'],
  [new TimedOut(5), 'timeout'],
  [of('EHOSTUNREACH'), 'unreachable'],
  [of('ENOTFOUND'), 'unreachable'],
  [new Error('Connection terminated unexpectedly'), 'reset'],
  [new Error('Client has encountered a connection error and is not queryable'), 'reset'],
  [said('57P01', 'terminating connection due to administrator command'), 'reset'],
  [said('57P02'), 'recovering'],
  [said('57P03', 'the database system is in recovery mode'), 'recovering'],
  [said('57P03', 'the database system is starting up'), 'starting'],
  [said('57P03', 'the database system is shutting down'), 'starting'],
  [said('57P03', 'das Datenbanksystem startet'), 'starting'],
  [said('57014'), 'timeout'],
  [said('28P01'), 'denied'],
  [said('28000'), 'denied'],
  [said('3D000'), 'denied'],
  [said('42501'), 'denied'],
  [said('53300'), 'denied'],
  [of('DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate'), 'denied'],
  [new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a non-empty string'), 'denied'],
  [said('XX000'), 'other'],
  [new Error('something else'), 'other'],
  ['no error at all', 'other'],
] as const) {
  const name = error instanceof Error ? `${'code' in error ? error.code : ''} ${error.message}` : error;
  test(`${name.trim()}: ${failure}`, () => {
    assert.equal(failureOf(error), failure);
  });
}
