import { createHash, timingSafeEqual } from 'node:crypto';

/** Bytes of the challenge that every plugin answers. */
export const CHALLENGE = 20;

const hash = (algorithm: string, ...parts: readonly Uint8Array[]): Buffer => {
  const sum = createHash(algorithm);
  for (const part of parts) sum.update(part);
  return sum.digest();
};

function xor(a: Buffer, b: Buffer): Buffer {
  const out = Buffer.allocUnsafe(a.length);
  for (let at = 0; at < a.length; at += 1) out[at] = (a[at] as number) ^ (b[at % b.length] as number);
  return out;
}

/** mysql_native_password: SHA1(password) XOR SHA1(challenge + SHA1(SHA1(password))). An empty password: no bytes. */
export function nativeAnswer(password: string, challenge: Uint8Array): Buffer {
  if (password === '') return Buffer.alloc(0);
  const once = hash('sha1', Buffer.from(password));
  return xor(once, hash('sha1', challenge, hash('sha1', once)));
}

/** caching_sha2_password: SHA256(password) XOR SHA256(SHA256(SHA256(password)) + challenge). Empty: no bytes. */
export function sha2Answer(password: string, challenge: Uint8Array): Buffer {
  if (password === '') return Buffer.alloc(0);
  const once = hash('sha256', Buffer.from(password));
  return xor(once, hash('sha256', hash('sha256', once), challenge));
}

/** A password with its zero byte under the challenge, as it is encrypted with a server's key; its own inverse. */
export function masked(bytes: Uint8Array, challenge: Uint8Array): Buffer {
  return xor(Buffer.from(bytes), Buffer.from(challenge));
}

/** Takes as long for any two values, whatever their lengths. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return timingSafeEqual(hash('sha256', a), hash('sha256', b));
}
