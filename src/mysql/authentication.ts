import { ProxyError } from '../core/errors.ts';
import type { Gate } from '../core/wire.ts';
import { clientError } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { newChallenge } from './handshake.ts';
import { EOF, MORE_DATA } from './messages.ts';
import { decrypted, ownKeys } from './rsa.ts';
import { isSame, nativeAnswer, sha2Answer } from './scrambles.ts';

export const NATIVE = 'mysql_native_password';
export const SHA2 = 'caching_sha2_password';
export const CLEAR = 'mysql_clear_password';
const TRUST = 'trust';

/** What follows `MORE_DATA` in caching_sha2_password, and the client's question for the key. */
const FAST_OK = Buffer.from([MORE_DATA, 3]);
const FULL_PLEASE = Buffer.from([MORE_DATA, 4]);
const KEY_PLEASE = 2;

/** Who asks to come in. */
export interface Claim {
  readonly user: string;
  readonly database: string;
  /** What `answer` was made by; '' where the client named none. */
  readonly plugin: string;
  readonly answer: Buffer;
  /** What `answer` answers; undefined: nothing that is still known, the client must be asked anew. */
  readonly challenge: Buffer | undefined;
  /** The client can be asked for another plugin than it chose. */
  readonly switches: boolean;
}

/** A secret that nobody can have sent: unknown users are tried against it. */
const NOBODYS = newChallenge().toString('latin1');

/** The plugin that a greeting names, so that most clients begin with what they will be asked for. */
export function greetedPlugin(method: string, mariadb: boolean): string {
  if (method === NATIVE || method === SHA2) return method;
  // Clients that may not send passwords in clear text would leave at the sight of that plugin.
  if (method === TRUST || method === CLEAR) return mariadb ? NATIVE : SHA2;
  throw new ProxyError('CONFIG', {
    side: 'proxy',
    retry: 'no',
    tell: `the authentication method "${method}" is not known; use ${SHA2}, ${NATIVE}, ${CLEAR} or ${TRUST}`,
  });
}

/**
 * Proves who the client is; the OK that tells it so is the greeter's. Rejects with ProxyError AUTH_FAILED,
 * AUTH_METHOD, TLS_REQUIRED, CONFIG, BAD_STARTUP or LINK_LOST.
 */
export async function authenticate(exchange: Exchange, gate: Gate, claim: Claim): Promise<void> {
  const secret = gate.credential(claim.user, claim.database);
  if (gate.method === TRUST) {
    if (secret === undefined) throw denied(exchange, claim.user, claim.answer);
    // That plugin of the client's waits for a word before the OK, unless it sent no password.
    if (claim.plugin === SHA2 && !isEmpty(claim.answer)) exchange.send(FAST_OK);
    return;
  }
  const plugin = gate.method;
  if (plugin === CLEAR) requirePrivacy(exchange);
  const { answer, challenge } = await answered(exchange, claim, plugin);
  const right = await check(exchange, plugin, { answer, challenge, secret: secret ?? NOBODYS });
  if (!right || secret === undefined) throw denied(exchange, claim.user, answer);
}

interface Proof {
  readonly answer: Buffer;
  readonly challenge: Buffer;
  readonly secret: string;
}

function check(exchange: Exchange, plugin: string, proof: Proof): boolean | Promise<boolean> {
  const { answer, challenge, secret } = proof;
  if (plugin === NATIVE) return isSame(answer, nativeAnswer(secret, challenge));
  // Not every client ends it with a zero byte.
  if (plugin === CLEAR) return isPassword(answer, secret) || isSame(answer, Buffer.from(secret));
  return bySha2(exchange, proof);
}

/** The client's answer by the plugin that is asked for; it is asked again where it has chosen another. */
async function answered(
  exchange: Exchange,
  claim: Claim,
  plugin: string,
): Promise<{ answer: Buffer; challenge: Buffer }> {
  const { answer, challenge } = claim;
  // A client that names no plugin knows the native one only.
  if (challenge !== undefined && (claim.plugin || NATIVE) === plugin) return { answer, challenge };
  if (!claim.switches) {
    throw clientError(
      'AUTH_METHOD',
      1251,
      `Client does not support authentication protocol requested by server; consider upgrading MySQL client to one that has ${plugin}`,
    );
  }
  const fresh = newChallenge();
  exchange.send(Buffer.from([EOF]), Buffer.from(`${plugin}\0`), fresh, Buffer.from([0]));
  return { answer: await exchange.read(), challenge: fresh };
}

/** A right answer is enough; otherwise the password itself is asked for, as the server does. */
async function bySha2(exchange: Exchange, { answer, challenge, secret }: Proof): Promise<boolean> {
  if (isEmpty(answer)) return secret === '';
  if (isSame(answer, sha2Answer(secret, challenge))) {
    exchange.send(FAST_OK);
    return true;
  }
  exchange.send(FULL_PLEASE);
  const given = await exchange.read();
  if (exchange.channel.encrypted) return isPassword(given, secret);
  const keys = await ownKeys();
  const asks = given.length === 1 && given[0] === KEY_PLEASE;
  if (asks) exchange.send(Buffer.from([MORE_DATA]), Buffer.from(keys.publicPem));
  const password = decrypted(asks ? await exchange.read() : given, keys, challenge);
  return isPassword(password ?? Buffer.alloc(1), secret);
}

/** No password: no bytes, or the zero byte at the end of an empty text. */
function isEmpty(answer: Buffer): boolean {
  return answer.length === 0 || (answer.length === 1 && answer[0] === 0);
}

/** A password in clear text has a zero byte at its end. */
const isPassword = (given: Buffer, secret: string): boolean => isSame(given, Buffer.from(`${secret}\0`));

function requirePrivacy({ channel }: Exchange): void {
  if (channel.encrypted) return;
  throw new ProxyError('TLS_REQUIRED', {
    side: 'client',
    retry: 'no',
    tell: 'passwords are asked for in clear text here, which takes an encrypted connection; connect with TLS',
  });
}

/** Said of a wrong password and of an unknown user alike, in the server's words. */
function denied({ channel }: Exchange, user: string, answer: Buffer): ProxyError {
  const host = channel.remoteAddress.replace(/^::ffff:/, '');
  return new ProxyError('AUTH_FAILED', {
    side: 'client',
    retry: 'no',
    tell: `Access denied for user '${user}'@'${host}' (using password: ${isEmpty(answer) ? 'NO' : 'YES'})`,
  });
}
