import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { cancelRequest, cString, message, startupMessage } from '../../src/postgres/messages.ts';
import { NONCE_BYTES, ScramClient } from '../../src/postgres/scram.ts';
import { loginKeys } from '../../src/postgres/scram-keys.ts';

/** Where and as whom to connect. */
export interface Door {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** One message of a server; `type` is its letter. */
export interface Told {
  readonly type: string;
  readonly body: Buffer;
}

/** A message that does not come within this is a failure, in ms. */
const PATIENCE = 20_000;

/** A client that sends exact bytes and keeps every message it is told. */
export class WireClient {
  readonly door: Door;
  /** Everything told since the log-in, or since `forget`. */
  told: Told[] = [];
  /** ParameterStatus, BackendKeyData and ReadyForQuery of the start-up. */
  readonly greeting: Told[] = [];
  ended = false;
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  readonly #fresh: Told[] = [];
  #wake: (() => void) | undefined;

  private constructor(door: Door, socket: Socket) {
    this.door = door;
    this.#socket = socket;
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.ended = true;
      this.#wake?.();
    });
  }

  /** Logs in with SCRAM. Rejects with the server's own words. `parameters`: beside user and database. */
  static async open(door: Door, parameters: Readonly<Record<string, string>> = {}): Promise<WireClient> {
    const socket = connect(door.port, door.host);
    socket.setNoDelay(true);
    const client = new WireClient(door, socket);
    const { user, database } = door;
    client.send(startupMessage({ user, database, ...parameters }));
    try {
      await client.#logIn();
    } catch (error) {
      client.destroy();
      throw error;
    }
    client.told = [];
    return client;
  }

  /** Sends these bytes at once. False: more waits in this process than is good. */
  send(...bytes: readonly Uint8Array[]): boolean {
    return this.#socket.write(bytes.length === 1 && bytes[0] ? bytes[0] : Buffer.concat(bytes));
  }

  /** The next message. */
  async next(): Promise<Told> {
    const end = performance.now() + PATIENCE;
    for (;;) {
      const told = this.#fresh.shift();
      if (told !== undefined) return told;
      if (this.ended) throw new Error(`closed, after ${this.told.slice(-3).map(shown).join(' ')}`);
      if (performance.now() > end)
        throw new Error(`no answer after ${this.told.slice(-3).map(shown).join(' ')}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1_000);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** All messages up to the first of this type. */
  async upTo(type: string): Promise<Told[]> {
    const all: Told[] = [];
    for (;;) {
      const told = await this.next();
      all.push(told);
      if (told.type === type) return all;
    }
  }

  /** All messages up to so many ReadyForQuery. */
  async ready(times = 1): Promise<Told[]> {
    const all: Told[] = [];
    for (let round = 0; round < times; round++) all.push(...(await this.upTo('Z')));
    return all;
  }

  /** One simple query; its messages. */
  ask(text: string): Promise<Told[]> {
    this.send(query(text));
    return this.ready();
  }

  /** The rows of one simple query, as text; rejects with the server's error. */
  async rows(text: string): Promise<(string | null)[][]> {
    const told = await this.ask(text);
    const error = told.find(({ type }) => type === 'E');
    if (error !== undefined) throw new Error(`${shown(error)} for ${text}`);
    return told.filter(({ type }) => type === 'D').map(({ body }) => values(body));
  }

  /** Resolves when the server has closed the connection. */
  async end(): Promise<void> {
    while (!this.ended) await this.next().catch(() => undefined);
  }

  /** Does not read from the socket until `resume`. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Asks, on a connection of its own, to cancel what runs; resolves when that has been closed. */
  async cancel(): Promise<void> {
    const key = this.greeting.find(({ type }) => type === 'K')?.body ?? Buffer.alloc(8);
    const socket = connect(this.door.port, this.door.host);
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('close', () => resolve());
      socket.resume();
      socket.write(cancelRequest(key));
    });
  }

  /** Says goodbye and closes. */
  async close(): Promise<void> {
    if (this.ended) return;
    this.#socket.end(message('X'));
    this.#socket.resume();
    await this.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #read(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (this.#rest.length - at >= 5) {
      const end = at + this.#rest.readUInt32BE(at + 1) + 1;
      if (end > this.#rest.length) break;
      const told = {
        type: String.fromCharCode(this.#rest[at] ?? 0),
        body: Buffer.from(this.#rest.subarray(at + 5, end)),
      };
      this.told.push(told);
      this.#fresh.push(told);
      at = end;
    }
    this.#rest = this.#rest.subarray(at);
    if (at > 0) this.#wake?.();
  }

  async #logIn(): Promise<void> {
    let exchange: ScramClient | undefined;
    for (;;) {
      const told = await this.next();
      if (told.type === 'E') throw new Error(shown(told));
      if (told.type !== 'R') {
        this.greeting.push(told);
        if (told.type === 'Z') return;
        continue;
      }
      const rest = told.body.subarray(4);
      switch (told.body.readUInt32BE(0)) {
        case 10: {
          const mechanisms = rest.toString('latin1').split('\0').filter(Boolean);
          exchange = new ScramClient(mechanisms, randomBytes(NONCE_BYTES).toString('base64'), undefined);
          const first = Buffer.from(exchange.first);
          this.send(message('p', `${exchange.mechanism}\0`, int(first.length), first));
          break;
        }
        case 11: {
          if (exchange === undefined) throw new Error('a SCRAM challenge without a beginning');
          const salt = exchange.challenged(rest.toString());
          this.send(message('p', exchange.final(await loginKeys(this.door.password, salt))));
          break;
        }
      }
    }
  }
}

function int(value: number, bytes: 2 | 4 = 4): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeIntBE(value, 0, bytes);
  return buffer;
}

// ---------------------------------------------------------------- messages of a client (manual 54.7)

export const query = (text: string): Buffer => message('Q', `${text}\0`);

export const parse = (name: string, text: string, types: readonly number[] = []): Buffer =>
  message('P', `${name}\0${text}\0`, int(types.length, 2), ...types.map((type) => int(type)));

/** Values as text; rows come as text, or as `format` says. */
export const bind = (
  portal: string,
  statement: string,
  given: readonly (string | Buffer | null)[] = [],
  format = 0,
): Buffer =>
  message(
    'B',
    `${portal}\0${statement}\0`,
    int(0, 2),
    int(given.length, 2),
    ...given.flatMap((value) =>
      value === null ? [int(-1)] : [int(Buffer.byteLength(value)), Buffer.from(value)],
    ),
    int(1, 2),
    int(format, 2),
  );

export const execute = (portal = '', rows = 0): Buffer => message('E', `${portal}\0`, int(rows));
export const describe = (kind: 'S' | 'P', name: string): Buffer => message('D', `${kind}${name}\0`);
export const close = (kind: 'S' | 'P', name: string): Buffer => message('C', `${kind}${name}\0`);
export const sync = message('S');
export const flush = message('H');
export const copyData = (data: string | Buffer): Buffer => message('d', data);
export const copyDone = message('c');
export const copyFail = (why: string): Buffer => message('f', `${why}\0`);

/** FunctionCall with text arguments and a text result. */
export const call = (oid: number, ...given: readonly string[]): Buffer =>
  message(
    'F',
    int(oid),
    int(0, 2),
    int(given.length, 2),
    ...given.flatMap((value) => [int(Buffer.byteLength(value)), value]),
    int(0, 2),
  );

/** Parse, Bind, Describe, Execute of one text with the unnamed statement; without a Sync. */
export const run = (text: string, ...given: readonly (string | null)[]): Buffer =>
  Buffer.concat([parse('', text), bind('', '', given), describe('P', ''), execute()]);

// ---------------------------------------------------------------- what a server tells, for comparison

/** The values of a DataRow as text. */
function values(body: Buffer): (string | null)[] {
  const row: (string | null)[] = [];
  for (let at = 2, column = body.readUInt16BE(0); column > 0; column--) {
    const length = body.readInt32BE(at);
    at += 4;
    row.push(length < 0 ? null : body.toString('utf8', at, at + length));
    at += Math.max(0, length);
  }
  return row;
}

/** A message in words, without what differs from one run to the next: process ids, keys, object ids, source lines. */
export function shown({ type, body }: Told): string {
  switch (type) {
    case 'E':
    case 'N':
      return `${type} ${fields(body)}`;
    case 'K':
      return 'K *';
    case 'T':
      return `T ${columns(body).join(', ')}`;
    case 't':
      return `t ${Array.from({ length: body.readUInt16BE(0) }, (_, at) => typeName(body.readUInt32BE(2 + at * 4)))}`;
    case 'A':
      return `A * ${body.toString('utf8', 4).replaceAll('\0', ' ')}`;
    case 'D': {
      const text = JSON.stringify(values(body));
      return `D ${text.length > 500 ? `${text.length} ${text.slice(0, 200)}` : text}`;
    }
    default:
      return `${type} ${JSON.stringify(body.toString('latin1'))}`;
  }
}

/** Of an error or notice all but the place in the server's source. */
function fields(body: Buffer): string {
  const parts: string[] = [];
  for (let at = 0; at < body.length && body[at] !== 0; ) {
    const letter = String.fromCharCode(body[at] ?? 0);
    const field = cString(body, at + 1);
    if (field === undefined) break;
    if (!'FLR'.includes(letter)) parts.push(`${letter}:${masked(field.text)}`);
    at = field.next;
  }
  return parts.join(' ');
}

/** Process ids, and names of prepared statements, which the proxy gives servers names of its own. */
function masked(text: string): string {
  return text
    .replace(/(process|PID) \d+/gi, '$1 *')
    .replace(/prepared statement "[^"]*"/g, 'prepared statement "*"');
}

function columns(body: Buffer): string[] {
  const found: string[] = [];
  for (let at = 2, left = body.readUInt16BE(0); left > 0; left--) {
    const name = cString(body, at);
    if (name === undefined) break;
    const { next } = name;
    const format = body.readUInt16BE(next + 16);
    const type = `${typeName(body.readUInt32BE(next + 6))}(${body.readInt32BE(next + 12)})`;
    found.push(`${name.text} ${type} column ${body.readUInt16BE(next + 4)} format ${format}`);
    at = next + 18;
  }
  return found;
}

/** Objects of users have other numbers in every run. */
const typeName = (oid: number): string => (oid >= 16_384 ? 'own' : String(oid));
