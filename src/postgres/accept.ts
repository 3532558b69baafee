import type { Channel } from '../core/channel.ts';
import { asProxyError, ProxyError } from '../core/errors.ts';
import type { Accepted, Gate, Login } from '../core/wire.ts';
import { type ChooseProtocol, Connection } from '../net/connection.ts';
import { ServerTls } from '../net/tls.ts';
import { authenticate } from './authentication.ts';
import { errorResponse } from './errors.ts';
import { negotiateProtocolVersion } from './messages.ts';
import {
  bodyLength,
  parseStartup,
  type StartupPacket,
  type StartupRequest,
  secretLength,
  TLS_HANDSHAKE,
} from './startup.ts';

/** The name that clients and servers agree on inside TLS (ALPN). */
const ALPN = 'postgresql';
const choose: ChooseProtocol = ({ protocols }) => (protocols.includes(ALPN) ? ALPN : undefined);
const YES = Buffer.from('S');
const NO = Buffer.from('N');

/** How far a client has come; it may leave without a word where a person is asked for a password. */
interface Progress {
  stage: 'silent' | 'speaking' | 'challenged';
  binding: Buffer | undefined;
}

/** Wire.accept. What it waits for ends when the caller's deadline destroys the channel: then it rejects. */
export async function accept(channel: Channel, gate: Gate): Promise<Accepted> {
  const progress: Progress = { stage: 'silent', binding: undefined };
  try {
    const packet = await opening(channel, gate, progress);
    if (packet.kind === 'cancel') return packet;
    return { kind: 'session', login: await logIn(channel, gate, packet.request, progress) };
  } catch (thrown) {
    const error = asProxyError(thrown, 'BAD_STARTUP', 'client');
    if (error.code === 'LINK_LOST') {
      const left = error.side !== 'proxy' && (progress.stage === 'silent' || progress.stage === 'challenged');
      channel.destroy();
      if (left) return { kind: 'done' };
      throw lost(error);
    }
    refuse(channel, error);
    throw error;
  }
}

/** Wire.refuse: says why and closes. */
export function refuse(channel: Channel, error: ProxyError): void {
  channel.end(errorResponse(error, 'FATAL'));
}

function lost(error: ProxyError): ProxyError {
  return new ProxyError('LINK_LOST', {
    side: 'client',
    retry: 'no',
    tell: `the connection ended before start-up was complete: ${error.message}`,
    cause: error,
  });
}

/** Reads until the client says what it wants; encryption is agreed on the way, each kind asked for at most once. */
async function opening(
  channel: Channel,
  gate: Gate,
  progress: Progress,
): Promise<Extract<StartupPacket, { kind: 'cancel' | 'startup' }>> {
  const asked = new Set<string>();
  for (;;) {
    const head = await channel.read(4);
    progress.stage = 'speaking';
    if (head[0] === TLS_HANDSHAKE && asked.size === 0 && !channel.encrypted) {
      await secureUnasked(channel, gate, head, progress);
      continue;
    }
    const packet = parseStartup(await channel.read(bodyLength(head)));
    if (packet.kind === 'cancel') return packet;
    if (packet.kind === 'startup') {
      requireTls(channel, gate);
      return packet;
    }
    if (asked.has(packet.kind) || channel.encrypted) {
      throw badStartup('encryption was asked for twice');
    }
    asked.add(packet.kind);
    if (packet.kind === 'ssl') await secureIfOffered(channel, gate, progress);
    else channel.write(NO);
  }
}

async function secureIfOffered(channel: Channel, gate: Gate, progress: Progress): Promise<void> {
  if (!(gate.tls instanceof ServerTls && channel instanceof Connection)) {
    channel.write(NO);
    return;
  }
  if (channel.buffered > 0) throw badStartup('bytes were sent before encryption began');
  channel.write(YES);
  await handshake(channel, gate.tls, progress);
}

/** TLS from the first byte on (PG 54.2.11). Clients that do so must name the protocol by ALPN. */
async function secureUnasked(channel: Channel, gate: Gate, head: Buffer, progress: Progress): Promise<void> {
  if (!(gate.tls instanceof ServerTls && channel instanceof Connection)) {
    channel.destroy();
    throw badStartup('a client began with a TLS handshake, and TLS is not offered on this port');
  }
  await handshake(channel, gate.tls, progress, head);
  if (channel.tls?.alpnProtocol !== ALPN) {
    throw badStartup('a direct TLS connection must ask for the protocol "postgresql" by ALPN');
  }
}

async function handshake(
  channel: Connection,
  tls: ServerTls,
  progress: Progress,
  head?: Buffer,
): Promise<void> {
  try {
    await channel.secureAsServer(tls.context, choose, head);
  } catch (error) {
    channel.destroy();
    throw badStartup(`the TLS handshake failed: ${error instanceof Error ? error.message : error}`, error);
  }
  progress.binding = tls.binding;
}

function requireTls(channel: Channel, gate: Gate): void {
  if (!gate.tlsRequired || channel.encrypted) return;
  throw new ProxyError('TLS_REQUIRED', {
    side: 'client',
    retry: 'no',
    tell: 'this port takes encrypted connections only',
  });
}

async function logIn(
  channel: Channel,
  gate: Gate,
  request: StartupRequest,
  progress: Progress,
): Promise<Login> {
  const { user, database, settings, replication, version, negotiate } = request;
  if (negotiate !== undefined) channel.write(negotiateProtocolVersion(version, negotiate));
  await authenticate(channel, gate, { user, database, binding: progress.binding }, () => {
    progress.stage = 'challenged';
  });
  const links = { database, options: '' };
  return { channel, user, database, links, settings, replication, secretLength: secretLength(version) };
}

/** This protocol has no second log-in, and no unit asks for one. */
export function reaccept(): Promise<Accepted> {
  return Promise.reject(badStartup('a client logs in once on a connection'));
}

function badStartup(tell: string, cause?: unknown): ProxyError {
  return new ProxyError('BAD_STARTUP', { side: 'client', retry: 'no', tell, cause });
}
