import { randomBytes } from 'node:crypto';
import * as can from './capabilities.ts';
import { isMariaDb } from './collations.ts';
import { clientError } from './errors.ts';
import { uint16, uint32 } from './messages.ts';
import { lenenc, lenencText, PayloadReader, packet } from './packets.ts';
import { CHALLENGE } from './scrambles.ts';

/** What clients are offered: what every server has, and no more than is translated for them. */
const OFFERED =
  can.FOUND_ROWS |
  can.LONG_FLAG |
  can.CONNECT_WITH_DB |
  can.LOCAL_FILES |
  can.IGNORE_SPACE |
  can.PROTOCOL_41 |
  can.INTERACTIVE |
  can.TRANSACTIONS |
  can.SECURE_CONNECTION |
  can.MULTI_STATEMENTS |
  can.MULTI_RESULTS |
  can.PS_MULTI_RESULTS |
  can.PLUGIN_AUTH |
  can.CONNECT_ATTRS |
  can.PLUGIN_AUTH_LENENC |
  can.SESSION_TRACK |
  can.DEPRECATE_EOF;

/** Length of an SSLRequest, and of what a whole request begins with. */
const FIXED = 32;
const PROTOCOL = 10;

/** What a server says first ("Protocol::HandshakeV10"). */
export interface ServerGreeting {
  readonly version: string;
  /** The server's number of the connection. */
  readonly id: number;
  readonly challenge: Buffer;
  readonly capabilities: number;
  readonly plugin: string;
}

/** Whom a client claims to be ("Protocol::HandshakeResponse41", "COM_CHANGE_USER"). */
export interface LoginRequest {
  /** Those that both sides have. */
  readonly capabilities: number;
  /** Number of a collation; 0: none was named. */
  readonly collation: number;
  readonly user: string;
  /** '' if none was named. */
  readonly schema: string;
  /** '' where the client knows none but mysql_native_password, and no other way to say so. */
  readonly plugin: string;
  readonly answer: Buffer;
  readonly attributes: ReadonlyMap<string, string>;
}

/** As servers make it: seven bits, no zero, no dollar sign. */
export function newChallenge(): Buffer {
  const bytes = randomBytes(CHALLENGE);
  for (let at = 0; at < CHALLENGE; at += 1) {
    const byte = (bytes[at] as number) & 0x7f;
    bytes[at] = byte === 0 || byte === 0x24 ? byte + 1 : byte;
  }
  return bytes;
}

/** Capabilities shown to a client of servers of this version. MariaDB tells itself apart by the lowest bit. */
export function offered(version: string, tls: boolean): number {
  return OFFERED | (isMariaDb(version) ? 0 : can.LONG_PASSWORD) | (tls ? can.SSL : 0);
}

/** MariaDB 10 names itself so: old replicas took a version of two digits for less than 5. */
function shownVersion(version: string): string {
  const prefixed = isMariaDb(version) && version.startsWith('10.');
  return (prefixed ? `5.5.5-${version}` : version).replaceAll('\0', '');
}

export function greetingPacket({ version, id, challenge, capabilities, plugin }: ServerGreeting): Buffer {
  // utf8mb4_general_ci and utf8mb4_0900_ai_ci: all that clients learn of it is that the server has utf8mb4.
  const collation = isMariaDb(version) ? 45 : 255;
  return packet(
    0,
    Buffer.from([PROTOCOL]),
    Buffer.from(`${shownVersion(version)}\0`),
    uint32(id),
    challenge.subarray(0, 8),
    Buffer.from([0]),
    uint16(capabilities & 0xffff),
    Buffer.from([collation]),
    uint16(can.STATUS_AUTOCOMMIT),
    uint16(capabilities >>> 16),
    Buffer.from([CHALLENGE + 1]),
    // The last four are MariaDB's further capabilities: none.
    Buffer.alloc(10),
    challenge.subarray(8),
    Buffer.from(`\0${plugin}\0`),
  );
}

/** Reads a server's greeting. Throws RangeError where it is none of protocol 10. */
export function parseGreeting(payload: Buffer): ServerGreeting {
  const reader = new PayloadReader(payload);
  if (reader.int(1) !== PROTOCOL) throw new RangeError('not a greeting of protocol 10');
  const version = reader
    .terminated()
    .toString('latin1')
    .replace(/^5\.5\.5-(?=1\d\.)/, '');
  const id = reader.int(4);
  const head = reader.take(8);
  reader.take(1);
  const low = reader.int(2);
  reader.take(3);
  const capabilities = low | (reader.int(2) << 16);
  const length = reader.int(1);
  reader.take(10);
  // The manual: 13 bytes at least, the last a zero.
  const tail = reader.take(Math.max(13, length - 8)).subarray(0, CHALLENGE - 8);
  const named = (capabilities & can.PLUGIN_AUTH) !== 0 && reader.left > 0;
  const plugin = named ? reader.rest().toString('latin1').replace(/\0.*$/s, '') : 'mysql_native_password';
  return { version, id, challenge: Buffer.concat([head, tail]), capabilities, plugin };
}

/** The fixed part of a request; alone it asks for TLS. */
export function requestHead(capabilities: number, collation: number): Buffer {
  const head = Buffer.alloc(FIXED);
  head.writeUInt32LE(capabilities >>> 0, 0);
  head.writeUInt32LE(0xff_ffff + 1, 4);
  head[8] = collation;
  return head;
}

/** A whole request to a server, without its header. */
export function loginRequest(request: LoginRequest): Buffer {
  const { capabilities, collation, user, schema, plugin, answer, attributes } = request;
  const listed = Buffer.concat([...attributes].flat().map(lenencText));
  return Buffer.concat([
    requestHead(capabilities, collation),
    Buffer.from(`${user}\0`),
    lenencText(answer),
    Buffer.from((capabilities & can.CONNECT_WITH_DB) !== 0 ? `${schema}\0` : ''),
    Buffer.from(`${plugin}\0`),
    lenenc(listed.length),
    listed,
  ]);
}

/** Reads a client's first packet; undefined: it asks for TLS. Throws ProxyError BAD_STARTUP or AUTH_METHOD. */
export function parseLogin(payload: Buffer, offer: number): LoginRequest | undefined {
  return reading(() => {
    const reader = new PayloadReader(payload);
    if ((reader.int(2) & can.PROTOCOL_41) === 0) throw tooOld();
    reader.at = 0;
    const claimed = reader.int(4);
    if ((claimed & can.SSL) !== 0 && payload.length === FIXED) return undefined;
    const capabilities = claimed & offer;
    reader.take(4);
    const collation = reader.int(1);
    reader.take(FIXED - reader.at);
    const user = text(reader.terminated());
    const answer = readAnswer(reader, capabilities);
    const schema =
      (capabilities & can.CONNECT_WITH_DB) !== 0 && reader.left > 0 ? text(upToZero(reader)) : '';
    return { capabilities, collation, user, answer, schema, ...readPlugin(reader, capabilities) };
  });
}

/** Reads COM_CHANGE_USER, its first byte included. `collation` is 0 where the client leaves it as it was. */
export function parseChangeUser(payload: Buffer, capabilities: number): LoginRequest {
  return reading(() => {
    const reader = new PayloadReader(payload, 1);
    const user = text(reader.terminated());
    const answer = reader.take(reader.int(1));
    const schema = reader.left > 0 ? text(upToZero(reader)) : '';
    const collation = reader.left >= 2 ? reader.int(2) : 0;
    return { capabilities, collation, user, answer, schema, ...readPlugin(reader, capabilities) };
  });
}

function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw clientError('BAD_STARTUP', 1043, `Bad handshake: ${error.message}`, error);
  }
}

function tooOld(): Error {
  const tell =
    'Client does not support authentication protocol requested by server; consider upgrading MySQL client';
  return clientError('AUTH_METHOD', 1251, tell);
}

function readAnswer(reader: PayloadReader, capabilities: number): Buffer {
  if ((capabilities & can.PLUGIN_AUTH_LENENC) !== 0) return reader.lenencBytes() ?? Buffer.alloc(0);
  if ((capabilities & can.SECURE_CONNECTION) !== 0) return reader.take(reader.int(1));
  throw tooOld();
}

function readPlugin(
  reader: PayloadReader,
  capabilities: number,
): Pick<LoginRequest, 'plugin' | 'attributes'> {
  const named = (capabilities & can.PLUGIN_AUTH) !== 0 && reader.left > 0;
  const plugin = named ? upToZero(reader).toString('latin1') : '';
  const told = (capabilities & can.CONNECT_ATTRS) !== 0 && reader.left > 0;
  return { plugin, attributes: told ? readAttributes(reader) : new Map() };
}

function readAttributes(reader: PayloadReader): Map<string, string> {
  const attributes = new Map<string, string>();
  const listed = reader.lenencBytes() ?? Buffer.alloc(0);
  const pairs = new PayloadReader(listed);
  while (pairs.left > 0) {
    const name = pairs.lenencBytes();
    const value = pairs.lenencBytes();
    if (name !== null && value !== null) attributes.set(text(name), text(value));
  }
  return attributes;
}

/** Some clients leave out the zero at the end of the packet. */
function upToZero(reader: PayloadReader): Buffer {
  const zero = reader.bytes.indexOf(0, reader.at);
  return zero < 0 || zero >= reader.end ? reader.rest() : reader.terminated();
}

const text = (bytes: Buffer): string => bytes.toString('utf8');
