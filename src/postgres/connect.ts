import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { serialize } from 'pg-protocol';
import { asProxyError, ProxyError } from '../core/errors.ts';
import type { Endpoint } from '../core/node.ts';
import type { Opened, Target } from '../core/wire.ts';
import type { Connection } from '../net/connection.ts';
import { dial } from '../net/dial.ts';
import { ClientTls, peerBinding } from '../net/tls.ts';
import { serverRefused } from './errors.ts';
import { md5Answer } from './md5.ts';
import { cString, type Message, readMessage, startupMessage, typeOf } from './messages.ts';
import { NONCE_BYTES, ScramClient } from './scram.ts';
import { loginKeys } from './scram-keys.ts';

/** The longest message a server may send before it is ready; an error with a long detail fits. */
const LONGEST = 32_768;
const S = typeOf('S');
const N = typeOf('N');

/**
 * Wire.connect. Rejects with ProxyError CONNECT_FAILED (not reached, or not in time), NODE_REFUSED (the server's
 * own code and words in `server`), AUTH_METHOD, AUTH_FAILED, TLS_REQUIRED or PROTOCOL; no socket is left.
 */
export function connect(target: Target, signal: AbortSignal): Promise<Opened> {
  return withChannel(target, target.endpoint, signal, async (channel) => {
    const { user, database } = target;
    channel.write(startupMessage({ user, database }));
    await logIn(channel, target);
    return untilReady(channel, target);
  });
}

/**
 * Opens a channel, encrypted as the target wants it, and gives it to `use`. When the signal fires or anything
 * fails the channel is destroyed, so that every read in `use` ends.
 */
export async function withChannel<T>(
  target: Target,
  endpoint: Endpoint,
  signal: AbortSignal,
  use: (channel: Connection) => Promise<T>,
): Promise<T> {
  const channel = await dial(endpoint, { signal });
  const abort = (): void => channel.destroy();
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    await encrypt(channel, target);
    return await use(channel);
  } catch (thrown) {
    channel.destroy();
    throw signal.aborted ? late(target, thrown) : failed(target, thrown);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function late({ node }: Target, cause: unknown): ProxyError {
  const tell = `${node} did not complete the connection in time`;
  return new ProxyError('CONNECT_FAILED', { side: 'server', retry: 'safe', tell, cause });
}

/** A connection lost before it was one is a failed connect, whatever the layer that noticed. */
function failed({ node }: Target, thrown: unknown): ProxyError {
  const error = asProxyError(thrown, 'CONNECT_FAILED', 'server');
  if (error.code !== 'LINK_LOST') return error;
  return new ProxyError('CONNECT_FAILED', {
    side: 'server',
    retry: 'safe',
    tell: `${node} ended the connection at start-up: ${error.message}`,
    cause: error.cause ?? error,
  });
}

async function encrypt(channel: Connection, target: Target): Promise<void> {
  const tls = target.tls;
  if (!(tls instanceof ClientTls) || tls.mode === 'disable') return;
  channel.write(serialize.requestSsl());
  const answer = (await channel.read(1))[0];
  if (answer === N && !tls.required) return;
  if (answer === N) {
    throw new ProxyError('TLS_REQUIRED', {
      side: 'server',
      retry: 'no',
      tell: `${target.node} does not offer TLS, and mode "${tls.mode}" asks for it; enable ssl there or lower the mode`,
    });
  }
  // An error in plain text at this point could be anybody's: it is not passed on.
  if (answer !== S) throw protocol(target, 'answered the request for TLS with neither yes nor no');
  try {
    await channel.secureAsClient((plain) => tls.wrap(plain, target.endpoint.host));
  } catch (error) {
    throw tlsFailed(target, asProxyError(error, 'CONNECT_FAILED', 'server'));
  }
}

function tlsFailed({ node }: Target, error: ProxyError): ProxyError {
  if (error.code !== 'LINK_LOST') return error;
  // Node's own advice, behind the semicolon, is not for the proxy's operator.
  const why = error.message.split(';')[0]?.trim() ?? '';
  return new ProxyError('CONNECT_FAILED', {
    side: 'server',
    retry: 'safe',
    tell: `the TLS handshake with ${node} failed: ${why}; check serverTls of this cluster`,
    cause: error.cause ?? error,
  });
}

async function logIn(channel: Connection, target: Target): Promise<void> {
  for (;;) {
    const { body } = await expect(channel, target, 'R');
    switch (body.length >= 4 ? body.readUInt32BE(0) : -1) {
      case 0:
        return;
      case 3:
        requirePrivacy(channel, target);
        channel.write(serialize.password(passwordOf(target)));
        break;
      case 5:
        channel.write(serialize.password(md5Answer(target.user, passwordOf(target), body.subarray(4))));
        break;
      case 10:
        await scram(channel, target, body.subarray(4));
        break;
      default:
        throw method(
          target,
          'asks for an authentication method that is not spoken; use scram-sha-256 or md5 there',
        );
    }
  }
}

async function scram(channel: Connection, target: Target, offered: Buffer): Promise<void> {
  const password = passwordOf(target);
  const binding = channel.tls === undefined ? undefined : peerBinding(channel.tls);
  const nonce = randomBytes(NONCE_BYTES).toString('base64');
  const exchange = new ScramClient(mechanisms(offered), nonce, binding);
  channel.write(serialize.sendSASLInitialResponseMessage(exchange.mechanism, exchange.first));
  const salt = exchange.challenged(await saslData(channel, target, 11));
  channel.write(serialize.sendSCRAMClientFinalMessage(exchange.final(await loginKeys(password, salt))));
  exchange.verify(await saslData(channel, target, 12));
}

function mechanisms(offered: Buffer): string[] {
  return offered.toString('latin1').split('\0').filter(Boolean);
}

async function saslData(channel: Connection, target: Target, code: number): Promise<string> {
  const { body } = await expect(channel, target, 'R');
  // AuthenticationOk in the middle would be a server that did not prove that it knows the password.
  if (body.length < 4 || body.readUInt32BE(0) !== code) {
    throw protocol(target, 'broke off the SCRAM exchange');
  }
  return body.toString('utf8', 4);
}

/** Collects what the server says of itself until it is ready. */
async function untilReady(channel: Connection, target: Target): Promise<Opened> {
  const parameters = new Map<string, string>();
  let key = Buffer.alloc(0);
  for (;;) {
    const { type, body } = await next(channel, target);
    if (type === S) {
      const name = cString(body, 0);
      const value = name === undefined ? undefined : cString(body, name.next);
      if (name !== undefined && value !== undefined) parameters.set(name.text, value.text);
    } else if (type === typeOf('K')) key = Buffer.from(body);
    else if (type === typeOf('Z')) return { channel, greeting: { parameters }, key };
    else throw protocol(target, `sent an unexpected message 0x${type.toString(16)} at start-up`);
  }
}

/** The next message that matters: notices are passed over, an error is thrown. */
async function next(channel: Connection, target: Target): Promise<Message> {
  for (;;) {
    const read = await readMessage(channel, LONGEST, 'server');
    if (read.type === typeOf('E')) throw serverRefused(target.node, read.body);
    if (read.type !== N) return read;
  }
}

async function expect(channel: Connection, target: Target, letter: string): Promise<Message> {
  const read = await next(channel, target);
  if (read.type === typeOf(letter)) return read;
  throw protocol(target, `sent an unexpected message 0x${read.type.toString(16)} at start-up`);
}

function passwordOf(target: Target): string {
  if (target.password !== undefined && target.password !== '') return target.password;
  throw method(target, `asks for a password of user "${target.user}", and none is configured`);
}

function requirePrivacy(channel: Connection, target: Target): void {
  if (channel.encrypted || isThisMachine(channel.remoteAddress)) return;
  throw method(
    target,
    'asks for the password in clear text over an unencrypted connection; use scram-sha-256 or TLS',
  );
}

/** Loopback addresses: nobody else reads along. */
export const isThisMachine = (address: string): boolean =>
  address === '::1' || (isIP(address) !== 0 && /^(?:::ffff:)?127\./.test(address));

function method({ node }: Target, what: string): ProxyError {
  return new ProxyError('AUTH_METHOD', { side: 'server', retry: 'no', tell: `${node} ${what}` });
}

function protocol({ node }: Target, what: string): ProxyError {
  return new ProxyError('PROTOCOL', { side: 'server', retry: 'safe', tell: `${node} ${what}` });
}
