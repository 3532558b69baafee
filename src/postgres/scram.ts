import { createHmac, createSecretKey, hash, type KeyObject, pbkdf2, timingSafeEqual } from 'node:crypto';
import { ProxyError, type Side } from '../core/errors.ts';
import { saslprep } from './saslprep.ts';

/** SCRAM-SHA-256 (RFC 5802, RFC 7677): both sides of the exchange, without sockets. Random nonces come from outside. */

export const SCRAM = 'SCRAM-SHA-256';
export const SCRAM_PLUS = 'SCRAM-SHA-256-PLUS';
/** Nonces are this many random bytes. */
export const NONCE_BYTES = 18;
/** As new passwords get it from the server. */
export const ITERATIONS = 4_096;
/** No server asks for more; a hostile one may not keep the proxy busy. */
const MOST_ITERATIONS = 1_000_000;

/** How a password was made into keys. */
export interface ScramSalt {
  readonly salt: Buffer;
  readonly iterations: number;
}

/** What verifies a client: nothing of it logs in. */
export interface Verifier extends ScramSalt {
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** What proves a client, and checks the server. */
export interface ClientKeys {
  readonly clientKey: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** Keys as the library wants them: to make one of bytes costs ten times as much as to use it. */
const prepared = new WeakMap<Uint8Array, KeyObject>();

function hmac(key: Uint8Array, text: string): Buffer {
  let ready = prepared.get(key);
  if (ready === undefined) {
    ready = createSecretKey(key);
    prepared.set(key, ready);
  }
  return createHmac('sha256', ready).update(text).digest();
}

/** The keys of a password. The costly step runs off the event loop. */
export function deriveKeys(password: string, { salt, iterations }: ScramSalt): Promise<ClientKeys> {
  return new Promise((resolve, reject) => {
    pbkdf2(saslprep(password), salt, iterations, 32, 'sha256', (error, salted) => {
      if (error !== null) {
        reject(error);
        return;
      }
      const clientKey = hmac(salted, 'Client Key');
      const storedKey = hash('sha256', clientKey, 'buffer');
      resolve({ clientKey, storedKey, serverKey: hmac(salted, 'Server Key') });
    });
  });
}

/** Reads a stored verifier, `SCRAM-SHA-256$iterations:salt$storedKey:serverKey`; undefined: it is something else. */
export function parseVerifier(secret: string): Verifier | undefined {
  const parts =
    /^SCRAM-SHA-256\$(\d{1,9}):([A-Za-z\d+/]+={0,2})\$([A-Za-z\d+/]+={0,2}):([A-Za-z\d+/]+={0,2})$/.exec(
      secret,
    );
  if (parts === null) return undefined;
  const [, iterations = '', salt = '', stored = '', server = ''] = parts;
  const storedKey = Buffer.from(stored, 'base64');
  const serverKey = Buffer.from(server, 'base64');
  if (storedKey.length !== 32 || serverKey.length !== 32 || Number(iterations) < 1) return undefined;
  return { iterations: Number(iterations), salt: Buffer.from(salt, 'base64'), storedKey, serverKey };
}

function malformed(side: Side, what: string): ProxyError {
  return new ProxyError('PROTOCOL', { side, retry: 'no', tell: `malformed SCRAM message: ${what}` });
}

/** Client proof and client signature are each other's mask. */
function xor(a: Buffer, b: Buffer): Buffer {
  const result = Buffer.allocUnsafe(a.length);
  for (let at = 0; at < a.length; at += 1) result[at] = a.readUInt8(at) ^ b.readUInt8(at);
  return result;
}

/** The server's half: `first`, then `final`, once each. */
export class ScramServer {
  #binding: Buffer | undefined;
  #nonce: string;
  #salt: ScramSalt;
  #gs2 = '';
  #plus = false;
  #clientBare = '';
  #serverFirst = '';

  /** `binding`: tls-server-end-point of the shown certificate; undefined: channel binding is not offered. */
  constructor(salt: ScramSalt, nonce: string, binding: Buffer | undefined) {
    this.#salt = salt;
    this.#nonce = nonce;
    this.#binding = binding;
  }

  get mechanisms(): readonly string[] {
    return this.#binding === undefined ? [SCRAM] : [SCRAM_PLUS, SCRAM];
  }

  /** client-first-message → server-first-message. Throws ProxyError PROTOCOL or AUTH_METHOD. */
  first(mechanism: string, clientFirst: string): string {
    if (!this.mechanisms.includes(mechanism)) {
      throw new ProxyError('AUTH_METHOD', {
        side: 'client',
        retry: 'no',
        tell: `the authentication mechanism "${mechanism}" was not offered; use ${this.mechanisms.join(' or ')}`,
      });
    }
    this.#plus = mechanism === SCRAM_PLUS;
    const parts = /^(([nyp])(?:=([^,]*))?,([^,]*),)(n=[^,]*,r=([!-+\--~]+)(?:,.*)?)$/s.exec(clientFirst);
    if (parts === null) throw malformed('client', 'the first message cannot be read');
    const [, gs2 = '', flag = '', type, identity = '', bare = '', clientNonce = ''] = parts;
    if (identity !== '') throw malformed('client', 'an authorization identity is not supported');
    this.#checkBinding(flag, type);
    this.#gs2 = gs2;
    this.#clientBare = bare;
    const { salt, iterations } = this.#salt;
    this.#serverFirst = `r=${clientNonce}${this.#nonce},s=${salt.toString('base64')},i=${iterations}`;
    return this.#serverFirst;
  }

  /** RFC 5802, 6: a client that thinks we cannot bind, though we offered it, was told so by a man in the middle. */
  #checkBinding(flag: string, type: string | undefined): void {
    if (this.#plus ? flag !== 'p' : flag === 'p') {
      throw malformed('client', 'channel binding does not fit the chosen mechanism');
    }
    if (flag === 'p' && type !== 'tls-server-end-point') {
      throw malformed('client', `channel binding type "${type ?? ''}" is not supported`);
    }
    if (flag !== 'p' && type !== undefined) throw malformed('client', 'the first message cannot be read');
    if (flag === 'y' && this.#binding !== undefined) {
      throw malformed('client', 'channel binding was offered, and the client says that it was not');
    }
  }

  /** client-final-message → server-final-message, or undefined: a wrong password. Throws ProxyError PROTOCOL. */
  final(clientFinal: string, verifier: Verifier): string | undefined {
    const parts = /^(c=([^,]*),r=([^,]*)(?:,.*)?),p=([A-Za-z\d+/]+={0,2})$/s.exec(clientFinal);
    if (parts === null) throw malformed('client', 'the final message cannot be read');
    const [, withoutProof = '', binding = '', nonce = '', proofText = ''] = parts;
    if (!this.#serverFirst.startsWith(`r=${nonce},`)) throw malformed('client', 'the nonce does not match');
    const expected = Buffer.concat([
      Buffer.from(this.#gs2),
      this.#plus && this.#binding !== undefined ? this.#binding : Buffer.alloc(0),
    ]);
    if (binding !== expected.toString('base64')) {
      throw new ProxyError('AUTH_FAILED', {
        side: 'client',
        retry: 'no',
        tell: 'SCRAM channel binding check failed: the client sees another certificate than this proxy shows',
      });
    }
    const proof = Buffer.from(proofText, 'base64');
    if (proof.length !== 32) throw malformed('client', 'the proof has a wrong length');
    const authMessage = `${this.#clientBare},${this.#serverFirst},${withoutProof}`;
    const clientKey = xor(proof, hmac(verifier.storedKey, authMessage));
    const storedKey = hash('sha256', clientKey, 'buffer');
    if (!timingSafeEqual(storedKey, verifier.storedKey)) return undefined;
    return `v=${hmac(verifier.serverKey, authMessage).toString('base64')}`;
  }
}

/** The client's half: `first`, `challenged`, `final`, `verify`, once each. */
export class ScramClient {
  readonly mechanism: string;
  #binding: Buffer | undefined;
  #bare: string;
  #nonce: string;
  #gs2: string;
  #serverFirst = '';
  #serverNonce = '';
  #serverSignature = '';

  /**
   * `offered`: the server's mechanisms. `binding`: tls-server-end-point of its certificate, undefined without TLS.
   * `user` stays empty before PostgreSQL, which takes the user from the start-up packet.
   * Throws ProxyError AUTH_METHOD when there is no mechanism in common.
   */
  constructor(offered: readonly string[], nonce: string, binding: Buffer | undefined, user = '') {
    const plus = binding !== undefined && offered.includes(SCRAM_PLUS);
    if (!plus && !offered.includes(SCRAM)) {
      throw new ProxyError('AUTH_METHOD', {
        side: 'server',
        retry: 'no',
        tell: `the server offers ${offered.join(', ') || 'no mechanism'}; ${SCRAM} is spoken`,
      });
    }
    this.mechanism = plus ? SCRAM_PLUS : SCRAM;
    this.#gs2 = plus ? 'p=tls-server-end-point,,' : binding === undefined ? 'n,,' : 'y,,';
    this.#binding = plus ? binding : undefined;
    this.#nonce = nonce;
    this.#bare = `n=${user},r=${nonce}`;
  }

  /** client-first-message. */
  get first(): string {
    return `${this.#gs2}${this.#bare}`;
  }

  /** Reads the server-first-message: how to derive the keys. Throws ProxyError PROTOCOL. */
  challenged(serverFirst: string): ScramSalt {
    const parts = /^r=([!-+\--~]+),s=([A-Za-z\d+/]+={0,2}),i=(\d{1,9})(?:,.*)?$/s.exec(serverFirst);
    if (parts === null) throw malformed('server', 'the first message cannot be read');
    const [, nonce = '', salt = '', count = ''] = parts;
    const iterations = Number(count);
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length) {
      throw malformed('server', 'the nonce does not match');
    }
    if (iterations < 1 || iterations > MOST_ITERATIONS) {
      throw malformed('server', `${iterations} iterations are out of bounds`);
    }
    this.#serverFirst = serverFirst;
    this.#serverNonce = nonce;
    return { salt: Buffer.from(salt, 'base64'), iterations };
  }

  /** client-final-message. */
  final(keys: ClientKeys): string {
    const binding = Buffer.concat([Buffer.from(this.#gs2), this.#binding ?? Buffer.alloc(0)]);
    const withoutProof = `c=${binding.toString('base64')},r=${this.#serverNonce}`;
    const authMessage = `${this.#bare},${this.#serverFirst},${withoutProof}`;
    this.#serverSignature = hmac(keys.serverKey, authMessage).toString('base64');
    const proof = xor(keys.clientKey, hmac(keys.storedKey, authMessage));
    return `${withoutProof},p=${proof.toString('base64')}`;
  }

  /** Checks the server-final-message: the server knows the password too. Throws ProxyError AUTH_FAILED. */
  verify(serverFinal: string): void {
    const given = /^v=([^,]*)/.exec(serverFinal)?.[1] ?? '';
    if (this.#serverSignature !== '' && given === this.#serverSignature) return;
    throw new ProxyError('AUTH_FAILED', {
      side: 'server',
      retry: 'no',
      tell: 'the server could not prove that it knows the password: it may not be the server it claims to be',
    });
  }
}
