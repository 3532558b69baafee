import type { Channel } from '../core/channel.ts';
import { ProxyError, type Side } from '../core/errors.ts';
import type { SessionKey, TransactionStatus } from '../core/wire.ts';

/** Protocol versions as the start-up packet writes them: major in the upper 16 bits, minor in the lower. */
const PROTOCOL_3_0 = 3 << 16;
export const PROTOCOL_3_2 = PROTOCOL_3_0 | 2;

/** Codes that stand where a start-up packet has its version (PG 54.7). */
export const CANCEL_REQUEST = 80_877_102;
export const SSL_REQUEST = 80_877_103;
export const GSSENC_REQUEST = 80_877_104;

/** One message: its type byte and what follows its length. */
export interface Message {
  readonly type: number;
  readonly body: Buffer;
}

/** The type byte of a message by its letter. */
export const typeOf = (letter: string): number => letter.charCodeAt(0);

/** Builds a message; text parts are written as they are, without a terminator. */
export function message(letter: string, ...parts: readonly (string | Uint8Array)[]): Buffer {
  let length = 4;
  for (const part of parts) length += typeof part === 'string' ? Buffer.byteLength(part) : part.length;
  const bytes = Buffer.allocUnsafe(length + 1);
  bytes[0] = typeOf(letter);
  // PG 54.7: the length counts itself but not the type byte.
  bytes.writeUInt32BE(length, 1);
  let at = 5;
  for (const part of parts) {
    if (typeof part === 'string') at += bytes.write(part, at);
    else {
      bytes.set(part, at);
      at += part.length;
    }
  }
  return bytes;
}

/** A number as the protocol's Int32. */
export function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value | 0, 0);
  return bytes;
}

// ---------------------------------------------------------------- to clients

export const authenticationOk = message('R', int32(0));

export const authenticationMd5 = (salt: Buffer): Buffer => message('R', int32(5), salt);

export const authenticationSasl = (mechanisms: readonly string[]): Buffer =>
  message('R', int32(10), ...mechanisms.map((name) => `${name}\0`), '\0');

export const saslContinue = (data: string): Buffer => message('R', int32(11), data);

export const saslFinal = (data: string): Buffer => message('R', int32(12), data);

export const parameterStatus = (name: string, value: string): Buffer => message('S', `${name}\0${value}\0`);

export const backendKeyData = (key: SessionKey): Buffer => message('K', int32(key.id), key.secret);

export function readyForQuery(status: TransactionStatus): Buffer {
  return message('Z', status === 'idle' ? 'I' : status === 'transaction' ? 'T' : 'E');
}

/** The version spoken from here on, and the options of the start-up packet that are not known. */
export const negotiateProtocolVersion = (version: number, unknown: readonly string[]): Buffer =>
  message('v', int32(version), int32(unknown.length), ...unknown.map((name) => `${name}\0`));

// ---------------------------------------------------------------- to servers

/** Start-up under protocol 3.0: pg-protocol's own would force client_encoding. */
export function startupMessage(parameters: Readonly<Record<string, string>>): Buffer {
  const text = Object.entries(parameters)
    .map(([name, value]) => `${name}\0${value}\0`)
    .join('');
  const body = Buffer.from(`${text}\0`);
  return Buffer.concat([int32(body.length + 8), int32(PROTOCOL_3_0), body]);
}

/** `key`: the body of the server's BackendKeyData. */
export const cancelRequest = (key: Buffer): Buffer =>
  Buffer.concat([int32(key.length + 8), int32(CANCEL_REQUEST), key]);

// ---------------------------------------------------------------- reading at start-up

/** The next message, whole. Rejects with ProxyError PROTOCOL when its body is longer than `limit` bytes. */
export async function readMessage(channel: Channel, limit: number, side: Side): Promise<Message> {
  const head = await channel.read(5);
  const length = head.readUInt32BE(1) - 4;
  if (length < 0 || length > limit) {
    throw new ProxyError('PROTOCOL', {
      side,
      retry: 'no',
      tell: `a message at start-up claims ${length + 4} bytes; at most ${limit + 4} are taken`,
    });
  }
  return { type: head.readUInt8(0), body: length === 0 ? Buffer.alloc(0) : await channel.read(length) };
}

/** The text up to the next zero byte and the offset behind it; undefined when there is none. */
export function cString(bytes: Buffer, from: number): { text: string; next: number } | undefined {
  const end = bytes.indexOf(0, from);
  return end < 0 ? undefined : { text: bytes.toString('utf8', from, end), next: end + 1 };
}
