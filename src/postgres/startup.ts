import { type ErrorCode, ProxyError } from '../core/errors.ts';
import { type Settings, settingsOf } from '../core/settings.ts';
import type { SessionKey } from '../core/wire.ts';
import { CANCEL_REQUEST, cString, GSSENC_REQUEST, PROTOCOL_3_2, SSL_REQUEST } from './messages.ts';

/** PG's MAX_STARTUP_PACKET_LENGTH. */
const LONGEST = 10_000;
const SHORTEST = 8;
/** PG 54.2.8: a cancel key's secret is at most 256 bytes. */
const LONGEST_SECRET = 256;
/** First byte of a TLS handshake record: a client that begins TLS unasked. */
export const TLS_HANDSHAKE = 0x16;

/** What a client may open a connection with. */
export type StartupPacket =
  | { readonly kind: 'ssl' }
  | { readonly kind: 'gssenc' }
  | { readonly kind: 'cancel'; readonly key: SessionKey }
  | { readonly kind: 'startup'; readonly request: StartupRequest };

export interface StartupRequest {
  /** The version spoken from here on. */
  readonly version: number;
  /** Given: the client must be told the version, and these options it asked for that are not known. */
  readonly negotiate: readonly string[] | undefined;
  readonly user: string;
  readonly database: string;
  readonly settings: Settings;
  readonly replication: boolean;
}

function refused(code: ErrorCode, tell: string): ProxyError {
  return new ProxyError(code, { side: 'client', retry: 'no', tell });
}

/** Length of what follows the first four bytes. Throws ProxyError BAD_STARTUP. */
export function bodyLength(head: Buffer): number {
  const length = head.readUInt32BE(0);
  if (length >= SHORTEST && length <= LONGEST) return length - 4;
  if (/^(?:GET |POST|HEAD|PUT |OPTI|DELE|PATC|CONN|TRAC|PRI )$/.test(head.toString('latin1'))) {
    throw refused('BAD_STARTUP', 'this port speaks the PostgreSQL protocol, not HTTP');
  }
  throw refused(
    'BAD_STARTUP',
    `invalid start-up packet: it claims ${length} bytes, and ${SHORTEST} to ${LONGEST} are taken; ` +
      'this port speaks the PostgreSQL protocol',
  );
}

/** Reads the body of a start-up packet. Throws ProxyError BAD_STARTUP or UNSUPPORTED. */
export function parseStartup(body: Buffer): StartupPacket {
  const code = body.readUInt32BE(0);
  if (code === SSL_REQUEST) return { kind: 'ssl' };
  if (code === GSSENC_REQUEST) return { kind: 'gssenc' };
  if (code === CANCEL_REQUEST) return { kind: 'cancel', key: cancelKey(body) };
  const major = code >>> 16;
  const minor = code & 0xffff;
  if (major !== 3) {
    throw refused(
      'UNSUPPORTED',
      `unsupported protocol version ${major}.${minor}: versions 3.0 to 3.2 are spoken`,
    );
  }
  return { kind: 'startup', request: startupRequest(code, pairsOf(body)) };
}

function cancelKey(body: Buffer): SessionKey {
  const secret = body.subarray(8);
  if (secret.length === 0 || secret.length > LONGEST_SECRET) {
    throw refused('BAD_STARTUP', 'invalid cancel request: its key has a wrong length');
  }
  return { id: body.readUInt32BE(4), secret: Buffer.from(secret) };
}

/** The packet's names and values, in its order. */
function pairsOf(body: Buffer): [string, string][] {
  const pairs: [string, string][] = [];
  let at = 4;
  while (at < body.length && body[at] !== 0) {
    const name = cString(body, at);
    const value = name === undefined ? undefined : cString(body, name.next);
    if (name === undefined || value === undefined) break;
    pairs.push([name.text, value.text]);
    at = value.next;
  }
  if (at !== body.length - 1) {
    throw refused('BAD_STARTUP', 'invalid start-up packet: its list of parameters does not end properly');
  }
  return pairs;
}

function startupRequest(version: number, pairs: readonly [string, string][]): StartupRequest {
  const given = new Map<string, string>();
  const values = new Map<string, string>();
  const unknown: string[] = [];
  for (const [name, value] of pairs) {
    if (name.startsWith('_pq_.')) unknown.push(name);
    else if (['user', 'database', 'options', 'replication'].includes(name)) given.set(name, value);
    else values.set(name.toLowerCase(), value);
  }
  const user = given.get('user') ?? '';
  if (user === '') throw refused('BAD_STARTUP', 'no user name was given in the start-up packet');
  // As the server does: a parameter of its own wins over the same name in `options`.
  const options = parseOptions(given.get('options') ?? '');
  const newer = version > PROTOCOL_3_2;
  return {
    version: newer ? PROTOCOL_3_2 : version,
    negotiate: newer || unknown.length > 0 ? unknown : undefined,
    user,
    database: given.get('database') || user,
    settings: settingsOf(new Map([...options, ...values])),
    replication: isReplication(given.get('replication')),
  };
}

/** Bytes of a session's secret: 3.2 made room for longer ones (PG 54.2.8). */
export const secretLength = (version: number): number => (version >= PROTOCOL_3_2 ? 32 : 4);

function isReplication(value: string | undefined): boolean {
  if (value === undefined || /^(?:f|fa|fal|fals|false|of|off|n|no|0)$/i.test(value)) return false;
  if (/^(?:database|t|tr|tru|true|on|y|ye|yes|1)$/i.test(value)) return true;
  throw refused('BAD_STARTUP', `invalid value for parameter "replication": "${value}"`);
}

/**
 * The settings in a start-up packet's `options`: `-c name=value`, `-cname=value`, `--name=value`, separated
 * by white space, with a backslash before any character that stands for itself. Other switches of the
 * server's command line are refused: ProxyError UNSUPPORTED.
 */
export function parseOptions(text: string): [string, string][] {
  const words = text.match(/(?:\\[\s\S]|[^\s\\])+\\?/g)?.map((word) => word.replace(/\\([\s\S]?)/g, '$1'));
  const settings: [string, string][] = [];
  for (let at = 0; words !== undefined && at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word.startsWith('--')) settings.push(assignment(word, word.slice(2)));
    else if (word === '-c') {
      at += 1;
      settings.push(assignment(word, words[at] ?? ''));
    } else if (word.startsWith('-c')) settings.push(assignment(word, word.slice(2)));
    else {
      throw refused(
        'UNSUPPORTED',
        `the start-up option "${word}" is not taken; give settings as "-c name=value"`,
      );
    }
  }
  return settings;
}

function assignment(option: string, text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals > 0) return [text.slice(0, equals).replaceAll('-', '_').toLowerCase(), text.slice(equals + 1)];
  throw refused(
    'BAD_STARTUP',
    `the start-up option "${option}" needs a name and a value, as in "-c name=value"`,
  );
}
