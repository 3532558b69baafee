import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProbeFailure } from '../../../src/core/node.ts';
import { nodeId } from '../../../src/core/node.ts';
import { controlError } from '../../../src/mysql/control-error.ts';
import { failureOf } from '../../../src/mysql/failure.ts';

const byServer = (errno: number, message = 'no') =>
  Object.assign(new Error(message), { errno, sqlState: 'HY000' });
const bySystem = (code: string) => Object.assign(new Error(code), { code });

test('an error tells whether a server is lost, not ready, or refuses this account', () => {
  const table: readonly (readonly [Error, ProbeFailure])[] = [
    [bySystem('ECONNREFUSED'), 'refused'],
    [bySystem('ECONNRESET'), 'reset'],
    [bySystem('PROTOCOL_CONNECTION_LOST'), 'reset'],
    [bySystem('ETIMEDOUT'), 'timeout'],
    [bySystem('EHOSTUNREACH'), 'unreachable'],
    [byServer(1053, 'Server shutdown in progress'), 'starting'],
    [byServer(1045, 'Access denied'), 'denied'],
    [byServer(1040, 'Too many connections'), 'denied'],
    [byServer(3032, 'The server is currently in offline mode'), 'denied'],
    [byServer(1927, 'Connection was killed'), 'reset'],
    [byServer(3024, 'maximum statement execution time exceeded'), 'timeout'],
    [byServer(1193, 'Unknown system variable'), 'other'],
    [new Error('self-signed certificate'), 'denied'],
    [new Error('what'), 'other'],
  ];
  for (const [error, expected] of table) assert.equal(failureOf(error), expected, error.message);
});

test('a refusal carries the number of the server and never the password', () => {
  const error = controlError('promote', nodeId('my-1'), byServer(1227, 'no right, hunter2'), 'hunter2');
  assert.deepEqual([error.code, error.server?.code, error.retry], ['NODE_REFUSED', '1227', 'safe']);
  assert.doesNotMatch(`${error.message} ${error.server?.message}`, /hunter2/);
  assert.match(error.message, /cannot promote my-1: no right, \*\*\*; `pointsman check` lists/);
  assert.equal(controlError('fence', nodeId('my-1'), bySystem('ECONNRESET')).retry, 'unknown');
});
