import { asProxyError, ProxyError } from '../core/errors.ts';
import type { Endpoint } from '../core/node.ts';
import type { Opened, Target } from '../core/wire.ts';
import type { Connection } from '../net/connection.ts';
import { dial } from '../net/dial.ts';
import { ClientTls } from '../net/tls.ts';
import { ask, Refused } from './asking.ts';
import * as can from './capabilities.ts';
import { firstAnswer, proveOurselves } from './credentials.ts';
import { nodeRefused, parseErr } from './errors.ts';
import { Exchange } from './exchange.ts';
import { loginRequest, parseGreeting, requestHead, type ServerGreeting } from './handshake.ts';
import { ERR, uint32 } from './messages.ts';
import { defaultsIn, defaultsQuery, setUpStatement } from './set-up.ts';

/** Without these replies cannot be followed; servers from MySQL 8.0 and MariaDB 10.2 on have them. */
const NEEDED =
  can.PROTOCOL_41 |
  can.SECURE_CONNECTION |
  can.PLUGIN_AUTH |
  can.PLUGIN_AUTH_LENENC |
  can.CONNECT_ATTRS |
  can.SESSION_TRACK |
  can.DEPRECATE_EOF;
const WANTED =
  NEEDED |
  can.LONG_PASSWORD |
  can.LONG_FLAG |
  can.LOCAL_FILES |
  can.TRANSACTIONS |
  can.MULTI_RESULTS |
  can.PS_MULTI_RESULTS;

/** utf8mb4_general_ci: every server knows it. Sessions bring their own. */
const COLLATION = 45;
const ATTRIBUTES: ReadonlyMap<string, string> = new Map([
  ['_client_name', 'pointsman'],
  ['program_name', 'pointsman'],
]);

/** A server connection that has been let in and asked nothing yet. */
export interface Entered {
  readonly channel: Connection;
  readonly exchange: Exchange;
  readonly greeting: ServerGreeting;
}

/**
 * Wire.connect. Rejects with ProxyError CONNECT_FAILED (not reached, not in time, or no room), NODE_REFUSED (the
 * server's own code and words in `server`), AUTH_METHOD, TLS_REQUIRED or PROTOCOL; no socket is left.
 */
export function connect(target: Target, signal: AbortSignal): Promise<Opened> {
  return entered(target, target.endpoint, signal, async ({ channel, exchange, greeting }) => {
    const { version, id } = greeting;
    await ask(exchange, setUpStatement(version, true));
    const [row = []] = await ask(exchange, defaultsQuery(version));
    return { channel, greeting: { parameters: defaultsIn(row, version) }, key: uint32(id) };
  });
}

/**
 * Opens and authenticates a connection, encrypted as the target wants it, and gives it to `use`. When the signal
 * fires or anything fails the channel is destroyed, so that every read in `use` ends.
 */
export async function entered<T>(
  target: Target,
  endpoint: Endpoint,
  signal: AbortSignal,
  use: (entered: Entered) => Promise<T>,
): Promise<T> {
  const channel = await dial(endpoint, { signal });
  const abort = (): void => channel.destroy();
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    const exchange = new Exchange(channel, 'server');
    const greeting = await greetingOf(exchange, target);
    await logIn(channel, exchange, target, greeting);
    return await use({ channel, exchange, greeting });
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
function failed(target: Target, thrown: unknown): ProxyError {
  if (thrown instanceof Refused) return setUpRefused(target, thrown);
  if (thrown instanceof RangeError) return protocol(target, `cannot be read: ${thrown.message}`, thrown);
  const error = asProxyError(thrown, 'CONNECT_FAILED', 'server');
  if (error.code !== 'LINK_LOST') return error;
  return new ProxyError('CONNECT_FAILED', {
    side: 'server',
    retry: 'safe',
    tell: `${target.node} ended the connection at log-in: ${error.message}`,
    cause: error.cause ?? error,
  });
}

function setUpRefused(target: Target, { payload }: Refused): ProxyError {
  const refused = nodeRefused(target.node, payload);
  if (refused.code === 'CONNECT_FAILED') return refused;
  const { code, message } = parseErr(payload);
  return new ProxyError('NODE_REFUSED', {
    side: 'server',
    retry: 'no',
    tell: `${target.node} refused to set up the connection: ${message} (${code})`,
    server: { code: String(code), message },
  });
}

async function greetingOf(exchange: Exchange, target: Target): Promise<ServerGreeting> {
  const payload = await exchange.read();
  if (payload[0] === ERR) throw nodeRefused(target.node, payload);
  let greeting: ServerGreeting;
  try {
    greeting = parseGreeting(payload);
  } catch (error) {
    throw protocol(target, 'does not speak the MySQL protocol', error);
  }
  if ((greeting.capabilities & NEEDED) === NEEDED) return greeting;
  throw new ProxyError('UNSUPPORTED', {
    side: 'server',
    retry: 'no',
    tell: `${target.node} runs ${greeting.version}, which cannot report the state of sessions; use MySQL 8.0.26 or MariaDB 10.6, or newer`,
  });
}

async function logIn(
  channel: Connection,
  exchange: Exchange,
  target: Target,
  greeting: ServerGreeting,
): Promise<void> {
  const { user, database: schema } = target;
  const options = target.options.split(' ');
  const capabilities =
    (greeting.capabilities & WANTED) |
    (options.includes('found-rows') ? can.FOUND_ROWS : 0) |
    (options.includes('ignore-space') ? can.IGNORE_SPACE : 0) |
    (schema === '' ? 0 : can.CONNECT_WITH_DB);
  const encrypts = await encrypt(channel, exchange, target, greeting.capabilities, capabilities);
  const first = firstAnswer(target, greeting);
  exchange.send(
    loginRequest({
      capabilities: capabilities | (encrypts ? can.SSL : 0),
      collation: COLLATION,
      user,
      schema,
      ...first,
      attributes: ATTRIBUTES,
    }),
  );
  await proveOurselves(exchange, target, { plugin: first.plugin, challenge: greeting.challenge });
}

/** `offered`: what the server has; `ours`: what it is asked for. True if it is encrypted now. */
async function encrypt(
  channel: Connection,
  exchange: Exchange,
  target: Target,
  offered: number,
  ours: number,
): Promise<boolean> {
  const tls = target.tls;
  if (!(tls instanceof ClientTls) || tls.mode === 'disable') return false;
  if ((offered & can.SSL) === 0) {
    if (!tls.required) return false;
    throw new ProxyError('TLS_REQUIRED', {
      side: 'server',
      retry: 'no',
      tell: `${target.node} does not offer TLS, and mode "${tls.mode}" asks for it; enable it there or lower the mode`,
    });
  }
  exchange.send(requestHead(ours | can.SSL, COLLATION));
  try {
    await channel.secureAsClient((plain) => tls.wrap(plain, target.endpoint.host));
  } catch (error) {
    throw tlsFailed(target, asProxyError(error, 'CONNECT_FAILED', 'server'));
  }
  return true;
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

function protocol({ node }: Target, what: string, cause?: unknown): ProxyError {
  return new ProxyError('PROTOCOL', { side: 'server', retry: 'safe', tell: `${node} ${what}`, cause });
}
