import type { Channel } from '../core/channel.ts';
import { asProxyError, ProxyError } from '../core/errors.ts';
import type { Accepted, Gate, Login, Unit } from '../core/wire.ts';
import { Connection } from '../net/connection.ts';
import { ServerTls } from '../net/tls.ts';
import { authenticate, greetedPlugin } from './authentication.ts';
import { PLUGIN_AUTH } from './capabilities.ts';
import { isMariaDb } from './collations.ts';
import { clientError, serverError } from './errors.ts';
import { Exchange } from './exchange.ts';
import {
  greetingPacket,
  type LoginRequest,
  newChallenge,
  offered,
  parseChangeUser,
  parseLogin,
} from './handshake.ts';
import { begin, type Greeted, loginOf, type MysqlLogin, underWay } from './login.ts';
import { errPacket } from './messages.ts';
import { HEADER } from './packets.ts';

/** Whether the client has said anything: one that has not may leave without a word. */
interface Progress {
  spoke: boolean;
}

/** Wire.accept. What it waits for ends when the caller's deadline destroys the channel: then it rejects. */
export async function accept(channel: Channel, gate: Gate, id: number): Promise<Accepted> {
  const exchange = new Exchange(channel, 'client');
  const progress: Progress = { spoke: false };
  return await attempt(exchange, progress, () => welcome(exchange, gate, id, progress));
}

/** Wire.reaccept: COM_CHANGE_USER, which begins a row of packets of its own. */
export async function reaccept(login: Login, unit: Unit, gate: Gate): Promise<Accepted> {
  const { channel, id, version, challenge, statements, capabilities, collation } = login as MysqlLogin;
  const exchange = new Exchange(channel, 'client', 1);
  return await attempt(exchange, { spoke: true }, async () => {
    const request = parseChangeUser(unit.bytes.subarray(HEADER), capabilities);
    const kept = request.collation === 0 ? { ...request, collation } : request;
    // As servers do: what came along answers a challenge of long ago, so whoever can is asked anew.
    const old = (capabilities & PLUGIN_AUTH) === 0 ? challenge : undefined;
    return await proven(exchange, gate, kept, { id, version, challenge, statements }, old);
  });
}

/** Wire.refuse: says why and closes. */
export function refuse(channel: Channel, error: ProxyError): void {
  channel.end(errPacket(underWay(channel)?.sequence ?? 0, serverError(error)));
}

async function attempt(
  exchange: Exchange,
  progress: Progress,
  logIn: () => Promise<MysqlLogin>,
): Promise<Accepted> {
  const { channel } = exchange;
  begin(exchange);
  try {
    return { kind: 'session', login: await logIn() };
  } catch (thrown) {
    const error = asProxyError(thrown, 'BAD_STARTUP', 'client');
    if (error.code !== 'LINK_LOST') {
      refuse(channel, error);
      throw error;
    }
    channel.destroy();
    if (error.side !== 'proxy' && !progress.spoke) return { kind: 'done' };
    throw lost(error);
  }
}

function lost(error: ProxyError): ProxyError {
  return new ProxyError('LINK_LOST', {
    side: 'client',
    retry: 'no',
    tell: `the connection ended before the log-in was complete: ${error.message}`,
    cause: error,
  });
}

async function welcome(exchange: Exchange, gate: Gate, id: number, progress: Progress): Promise<MysqlLogin> {
  const { channel } = exchange;
  const begun = channel.read(1);
  const version = await Promise.race([gate.version(), tooEarly(begun)]);
  const offer = offered(version, gate.tls instanceof ServerTls && channel instanceof Connection);
  const plugin = greetedPlugin(gate.method, isMariaDb(version));
  const challenge = newChallenge();
  exchange.write(greetingPacket({ version, id, challenge, capabilities: offer, plugin }));
  const payload = await exchange.read(
    begun.then((first) => {
      progress.spoke = true;
      return first;
    }),
  );
  const request = parseLogin(payload, offer) ?? (await secured(exchange, gate, offer));
  if (gate.tlsRequired && !channel.encrypted) throw plainRefused();
  const greeted = { id, version, challenge, statements: { last: 0 } };
  return await proven(exchange, gate, request, greeted, challenge);
}

/** A client of this protocol waits for the greeting. Rejects when one does not, or leaves before it. */
async function tooEarly(begun: Promise<Buffer>): Promise<never> {
  await begun;
  const tell = 'Got packets out of order: this port speaks the MySQL protocol, in which the server begins';
  throw clientError('BAD_STARTUP', 1156, tell);
}

/** TLS, and then the request that it protects. Clients begin with TLS without waiting for a word. */
async function secured(exchange: Exchange, gate: Gate, offer: number): Promise<LoginRequest> {
  const { channel } = exchange;
  const possible = gate.tls instanceof ServerTls && channel instanceof Connection && !channel.encrypted;
  if (!possible) throw clientError('BAD_STARTUP', 1043, 'Bad handshake: TLS was asked for and not offered');
  try {
    await channel.secureAsServer(gate.tls.context, undefined, Buffer.alloc(0));
  } catch (error) {
    channel.destroy();
    const why = error instanceof Error ? error.message : String(error);
    throw clientError('BAD_STARTUP', 1043, `the TLS handshake failed: ${why}`, error);
  }
  const request = parseLogin(await exchange.read(), offer);
  if (request === undefined) throw clientError('BAD_STARTUP', 1043, 'Bad handshake: TLS was asked for twice');
  return request;
}

function plainRefused(): ProxyError {
  return new ProxyError('TLS_REQUIRED', {
    side: 'client',
    retry: 'no',
    tell: 'Connections using insecure transport are prohibited here; connect with TLS (--ssl-mode=REQUIRED)',
  });
}

/** `challenge`: what the answer in the request is to; undefined: nothing that is still known. */
async function proven(
  exchange: Exchange,
  gate: Gate,
  request: LoginRequest,
  greeted: Greeted,
  challenge: Buffer | undefined,
): Promise<MysqlLogin> {
  // What cannot be served is refused before anything is asked.
  const login = loginOf(exchange.channel, greeted, request);
  const { user, schema, plugin, answer, capabilities } = request;
  const switches = (capabilities & PLUGIN_AUTH) !== 0;
  await authenticate(exchange, gate, { user, database: schema, plugin, answer, challenge, switches });
  return login;
}
