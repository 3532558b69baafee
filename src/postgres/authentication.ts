import { timingSafeEqual } from 'node:crypto';
import type { Channel } from '../core/channel.ts';
import { ProxyError } from '../core/errors.ts';
import type { Gate } from '../core/wire.ts';
import { randomPiece } from '../net/random.ts';
import { isMd5Hash, md5Answer } from './md5.ts';
import {
  authenticationMd5,
  authenticationOk,
  authenticationSasl,
  cString,
  readMessage,
  saslContinue,
  saslFinal,
  typeOf,
} from './messages.ts';
import { NONCE_BYTES, ScramServer } from './scram.ts';
import { challengeOf, nobodysPassword } from './scram-keys.ts';

/** The longest answer a client may give; PG takes 1,024 bytes of SASL. */
const LONGEST_ANSWER = 4_096;

/** Who asks to come in, and by which of the gate's methods that is proven. */
export interface Claim {
  readonly user: string;
  readonly database: string;
  /** tls-server-end-point of the certificate that was shown; undefined: no channel binding. */
  readonly binding: Buffer | undefined;
}

/** Said of a wrong password and of an unknown user alike. */
function wrongPassword(user: string): ProxyError {
  return new ProxyError('AUTH_FAILED', {
    side: 'client',
    retry: 'no',
    tell: `password authentication failed for user "${user}"`,
  });
}

/**
 * Proves who the client is and tells it so (AuthenticationOk). Rejects with ProxyError AUTH_FAILED, AUTH_METHOD,
 * PROTOCOL, or LINK_LOST. `challenged` is called when the first question is out.
 */
export async function authenticate(
  channel: Channel,
  gate: Gate,
  claim: Claim,
  challenged: () => void,
): Promise<void> {
  const secret = gate.credential(claim.user, claim.database);
  if (gate.method === 'trust') {
    if (secret === undefined) throw wrongPassword(claim.user);
    channel.write(authenticationOk);
    return;
  }
  // As in the server: an empty password logs nobody in.
  const usable = secret === '' ? undefined : secret;
  if (gate.method !== 'md5' && gate.method !== 'scram-sha-256') {
    throw new ProxyError('CONFIG', {
      side: 'proxy',
      retry: 'no',
      tell: `the authentication method "${gate.method}" is not known; use scram-sha-256, md5 or trust`,
    });
  }
  const byMd5 = usable !== undefined && isMd5Hash(usable);
  const byVerifier = usable?.startsWith('SCRAM-SHA-256$') === true;
  if (byMd5 || (gate.method === 'md5' && !byVerifier)) await md5(channel, claim.user, usable, challenged);
  else await scram(channel, claim, usable, challenged);
}

async function md5(
  channel: Channel,
  user: string,
  secret: string | undefined,
  challenged: () => void,
): Promise<void> {
  const salt = randomPiece(4);
  channel.write(authenticationMd5(salt));
  challenged();
  const given = cString(await answer(channel), 0)?.text ?? '';
  const expected = Buffer.from(md5Answer(user, secret ?? nobodysPassword, salt));
  const bytes = Buffer.from(given);
  const right = bytes.length === expected.length && timingSafeEqual(bytes, expected);
  if (!right || secret === undefined) throw wrongPassword(user);
  channel.write(authenticationOk);
}

async function scram(
  channel: Channel,
  { user, binding }: Claim,
  secret: string | undefined,
  challenged: () => void,
): Promise<void> {
  const { salt, verifier } = challengeOf(user, secret);
  const exchange = new ScramServer(salt, randomPiece(NONCE_BYTES).toString('base64'), binding);
  channel.write(authenticationSasl(exchange.mechanisms));
  challenged();
  const { mechanism, data } = await initialResponse(channel);
  channel.write(saslContinue(exchange.first(mechanism, data)));
  const clientFinal = (await answer(channel)).toString('utf8');
  const serverFinal = exchange.final(clientFinal, await verifier);
  if (serverFinal === undefined || secret === undefined) throw wrongPassword(user);
  channel.write(Buffer.concat([saslFinal(serverFinal), authenticationOk]));
}

/** SASLInitialResponse; a client that sends no data with it gets an empty challenge first (RFC 4422, 3). */
async function initialResponse(channel: Channel): Promise<{ mechanism: string; data: string }> {
  const body = await answer(channel);
  const mechanism = cString(body, 0);
  if (mechanism === undefined || body.length < mechanism.next + 4) throw malformed();
  const length = body.readInt32BE(mechanism.next);
  const data = body.subarray(mechanism.next + 4);
  if (length === -1 && data.length === 0) {
    channel.write(saslContinue(''));
    return { mechanism: mechanism.text, data: (await answer(channel)).toString('utf8') };
  }
  if (length !== data.length) throw malformed();
  return { mechanism: mechanism.text, data: data.toString('utf8') };
}

function malformed(): ProxyError {
  return new ProxyError('PROTOCOL', {
    side: 'client',
    retry: 'no',
    tell: 'malformed answer to the authentication request',
  });
}

async function answer(channel: Channel): Promise<Buffer> {
  const { type, body } = await readMessage(channel, LONGEST_ANSWER, 'client');
  if (type === typeOf('p')) return body;
  throw new ProxyError('PROTOCOL', {
    side: 'client',
    retry: 'no',
    tell: `expected an answer to the authentication request, got message type 0x${type.toString(16)}`,
  });
}
