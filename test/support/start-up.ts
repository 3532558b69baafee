import assert from 'node:assert/strict';
import { ProxyError } from '../../src/core/errors.ts';
import type { Accepted, Gate, Login } from '../../src/core/wire.ts';
import { accept } from '../../src/postgres/accept.ts';
import { int32 } from '../../src/postgres/messages.ts';
import { MemoryChannel, messagesOf } from './memory-channel.ts';

/** For `assert.rejects` and `assert.throws`: a ProxyError of this code. */
export const code = (expected: string) => (error: unknown) =>
  error instanceof ProxyError && error.code === expected;

/** Lets in `app` with the password `secret`, by SCRAM. */
export const gate: Gate = {
  tls: undefined,
  tlsRequired: false,
  method: 'scram-sha-256',
  version: () => Promise.resolve('18'),
  credential: (user) => (user === 'app' ? 'secret' : undefined),
};
export const open: Gate = { ...gate, method: 'trust', credential: () => 'secret' };

/** A start-up packet: code or version, then the text of its parameters. */
export function packet(version: number, text: string | Buffer = ''): Buffer {
  const body = Buffer.from(text);
  return Buffer.concat([int32(body.length + 8), int32(version), body]);
}

/** One of protocol 3; `text`: names and values, each with its zero byte. */
export const startup = (text: string, minor = 0): Buffer => packet((3 << 16) | minor, `${text}\0`);
export const user = 'user\0app\0';
export const sslRequest = packet(80877103);

/** What becomes of these bytes, sent at once. */
export async function outcome(
  bytes: Buffer,
  given: Gate = open,
): Promise<{ channel: MemoryChannel; accepted: Accepted }> {
  const channel = new MemoryChannel();
  channel.push(bytes);
  return { channel, accepted: await accept(channel, given) };
}

export async function loginOf(bytes: Buffer): Promise<Login> {
  const { accepted } = await outcome(bytes);
  assert.equal(accepted.kind, 'session');
  return (accepted as { login: Login }).login;
}

/** SQLSTATE and message that a client got. */
export async function refusalOf(bytes: Buffer, given: Gate = open): Promise<string> {
  const channel = new MemoryChannel();
  channel.push(bytes);
  await assert.rejects(accept(channel, given), ProxyError);
  assert.ok(channel.closed);
  return refusalIn(channel);
}

export function refusalIn(channel: MemoryChannel): string {
  const error = messagesOf(channel.written.subarray(channel.written[0] === 0x4e ? 1 : 0)).at(-1);
  assert.equal(error?.type, 'E');
  return (error?.body.toString('utf8') ?? '')
    .split('\0')
    .filter((field) => /^[CM]/.test(field))
    .join(' ');
}
