import {
  constants,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
} from 'node:crypto';
import { promisify } from 'node:util';
import { masked } from './scrambles.ts';

/** A 2,048-bit key as the server's own. */
const BITS = 2_048;
const padding = constants.RSA_PKCS1_OAEP_PADDING;

interface Keys {
  /** SPKI, as clients expect it. */
  readonly publicPem: string;
  readonly privateKey: KeyObject;
}

let keys: Promise<Keys> | undefined;

/** This process's own pair, made when the first client asks for it. */
export function ownKeys(): Promise<Keys> {
  keys ??= promisify(generateKeyPair)('rsa', { modulusLength: BITS }).then(({ publicKey, privateKey }) => ({
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKey,
  }));
  return keys;
}

/** The password, with its zero byte, that a client has encrypted; undefined: not with our key. */
export function decrypted(bytes: Buffer, { privateKey }: Keys, challenge: Uint8Array): Buffer | undefined {
  try {
    return masked(privateDecrypt({ key: privateKey, padding }, bytes), challenge);
  } catch {
    return undefined;
  }
}

/** A password for a server, by the key that it has shown. Throws where `pem` is no key or the password too long. */
export function encrypted(password: string, pem: Buffer, challenge: Uint8Array): Buffer {
  const bytes = masked(Buffer.from(`${password}\0`), challenge);
  return publicEncrypt({ key: createPublicKey(pem), padding }, bytes);
}
