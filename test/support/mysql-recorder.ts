import { connect, type Socket } from 'node:net';
import * as can from '../../src/mysql/capabilities.ts';
import * as com from '../../src/mysql/commands.ts';
import { loginRequest, parseGreeting } from '../../src/mysql/handshake.ts';
import { EOF, ERR, MORE_DATA, OK } from '../../src/mysql/messages.ts';
import { FULL, HEADER, lengthAt, packet } from '../../src/mysql/packets.ts';
import type { Shape } from '../../src/mysql/reply.ts';
import { encrypted } from '../../src/mysql/rsa.ts';
import { nativeAnswer, sha2Answer } from '../../src/mysql/scrambles.ts';
import { query, quit } from './mysql-commands.ts';
import { bytesAsWords, columnWords, eofWords, errWords, okWords, valuesOf } from './mysql-words.ts';
import type { ConnectionFacts } from './stage.ts';

/** A packet that does not come within this is a failure, in ms. */
const PATIENCE = 20_000;
const LOCAL_FILE = 0xfb;
const NEEDS_RSA = 4;

const PLAIN =
  can.LONG_PASSWORD |
  can.LONG_FLAG |
  can.PROTOCOL_41 |
  can.TRANSACTIONS |
  can.SECURE_CONNECTION |
  can.PLUGIN_AUTH |
  can.PLUGIN_AUTH_LENENC |
  can.MULTI_RESULTS |
  can.PS_MULTI_RESULTS |
  can.CONNECT_ATTRS;
/** What a client of today asks for. */
export const MODERN = PLAIN | can.DEPRECATE_EOF | can.SESSION_TRACK | can.LOCAL_FILES;
/** One without trackers, and with EOF packets. */
export const OLD = PLAIN | can.LOCAL_FILES;

export interface How {
  /** CONNECT_WITH_DB comes by itself. */
  readonly capabilities?: number;
  /** utf8mb4_general_ci. */
  readonly collation?: number;
  /** '' for none. */
  readonly schema?: string;
}

const SHAPES: ReadonlyMap<number, Shape> = new Map([
  [com.COM_QUERY, 'result'],
  [com.COM_STMT_EXECUTE, 'result'],
  [com.COM_STMT_PREPARE, 'prepare'],
  [com.COM_STMT_FETCH, 'rows'],
  [com.COM_FIELD_LIST, 'columns'],
  [com.COM_STATISTICS, 'line'],
]);
const TELLS_OTHERS = new Set([com.COM_INIT_DB, com.COM_SET_OPTION]);
const SILENT = new Set([com.COM_STMT_CLOSE, com.COM_STMT_SEND_LONG_DATA, com.COM_QUIT]);

const ABOUT_STATEMENT = new Set([
  com.COM_STMT_EXECUTE,
  com.COM_STMT_FETCH,
  com.COM_STMT_RESET,
  com.COM_STMT_CLOSE,
  com.COM_STMT_SEND_LONG_DATA,
]);
/** No server has come so far. */
const UNKNOWN = 1_000_000;

/** A client that sends exact bytes and keeps, in words, every packet it is told. */
export class MysqlWire {
  readonly door: ConnectionFacts;
  readonly capabilities: number;
  /** What it was told since its log-in. */
  heard: string[] = [];
  /** Rows of the last answer's last text result. */
  lastRows: (string | null)[][] = [];
  /** What the server calls the statements that were prepared, in their order. */
  readonly statements: number[] = [];
  /** The number that the server knows the connection by. */
  id = 0;
  ended = false;
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #there = 0;
  #wake: (() => void) | undefined;
  #challenge: Buffer = Buffer.alloc(0);

  private constructor(door: ConnectionFacts, capabilities: number, socket: Socket) {
    this.door = door;
    this.capabilities = capabilities;
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      this.#there += chunk.length;
      this.#wake?.();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.ended = true;
      this.#wake?.();
    });
  }

  /** Logs in. Rejects with the server's own words. */
  static async open(door: ConnectionFacts, how: How = {}): Promise<MysqlWire> {
    const { schema = door.database, capabilities = MODERN, collation = 45 } = how;
    const all = schema === '' ? capabilities : capabilities | can.CONNECT_WITH_DB;
    const client = new MysqlWire(door, all, connect(door.port, door.host));
    try {
      await client.#logIn(schema, collation);
    } catch (error) {
      client.destroy();
      throw error;
    }
    return client;
  }

  async #logIn(schema: string, collation: number): Promise<void> {
    const first = await this.#packet();
    if (first.payload[0] === ERR) throw new Error(errWords(first.payload));
    const { plugin, challenge, id } = parseGreeting(first.payload);
    this.id = id;
    this.#challenge = challenge;
    const { user, password } = this.door;
    const request = loginRequest({
      capabilities: this.capabilities,
      collation,
      user,
      schema,
      plugin,
      answer: answerOf(plugin, password, challenge),
      attributes: new Map([['program_name', 'recorder']]),
    });
    this.#socket.write(packet(first.sequence + 1, request));
    await this.proveOurselves();
  }

  /** What follows a log-in request, or a COM_CHANGE_USER. */
  async proveOurselves(password = this.door.password): Promise<void> {
    for (;;) {
      const { payload, sequence } = await this.#packet();
      const reply = (...parts: Uint8Array[]): void => void this.#socket.write(packet(sequence + 1, ...parts));
      if (payload[0] === OK) return;
      if (payload[0] === ERR) throw new Error(errWords(payload));
      if (payload[0] === EOF) {
        const zero = payload.indexOf(0);
        this.#challenge = Buffer.from(payload.subarray(zero + 1, zero + 21));
        reply(answerOf(payload.toString('latin1', 1, zero), password, this.#challenge));
      } else if (payload[0] === MORE_DATA && payload[1] === NEEDS_RSA) reply(Buffer.from([2]));
      else if (payload[0] === MORE_DATA && payload.length > 2)
        reply(encrypted(password, payload.subarray(1), this.#challenge));
    }
  }

  /** Sends these bytes at once. */
  send(...bytes: readonly Uint8Array[]): void {
    this.#socket.write(bytes.length === 1 && bytes[0] ? bytes[0] : Buffer.concat(bytes));
  }

  /** Sends them one by one, each in a packet of the network. */
  async sendSlowly(bytes: Buffer): Promise<void> {
    for (const byte of bytes) {
      this.#socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Commands in one write; their answers. Statements are numbered from 1 in the order of their PREPARE. */
  async ask(...commands: readonly Buffer[]): Promise<void> {
    this.send(...commands.map((bytes) => this.#named(bytes)));
    for (const bytes of commands) await this.answer(bytes[HEADER] as number);
  }

  /** Servers begin to number statements anywhere. */
  #named(bytes: Buffer): Buffer {
    if (!ABOUT_STATEMENT.has(bytes[HEADER] ?? 0)) return bytes;
    const number = bytes.readUInt32LE(HEADER + 1);
    const named = Buffer.from(bytes);
    named.writeUInt32LE(this.statements[number - 1] ?? number + UNKNOWN, HEADER + 1);
    return named;
  }

  /** Reads the answer to a command. `file`: sent when the server asks for one; undefined: the answer ends there. */
  async answer(command: number, file?: Buffer): Promise<void> {
    if (SILENT.has(command)) return;
    const shape = SHAPES.get(command) ?? 'done';
    this.lastRows = [];
    if (shape === 'prepare') await this.#prepared();
    else if (shape === 'columns') await this.#until('column');
    else if (shape === 'rows') await this.#until('row');
    else if (shape === 'line') this.#note('line', (await this.#packet()).payload.toString());
    else if (shape === 'result') while (await this.#result(file));
    else await this.#done(command);
  }

  /** These tell how many conditions are left on the connection, whoever left them. */
  async #done(command: number): Promise<void> {
    await this.#last();
    if (!TELLS_OTHERS.has(command)) return;
    const words = this.heard.pop() ?? '';
    this.heard.push(words.replace(/ warnings \d+/, ''));
  }

  /** Texts, one after another. */
  async texts(...texts: readonly string[]): Promise<void> {
    for (const text of texts) await this.ask(query(text));
  }

  /** The rows of one text; rejects with the server's error. */
  async rows(text: string): Promise<(string | null)[][]> {
    const from = this.heard.length;
    await this.ask(query(text));
    const error = this.heard.slice(from).find((words) => / ERR /.test(words));
    if (error !== undefined) throw new Error(`${error} for ${text}`);
    return this.lastRows;
  }

  note(words: string): void {
    this.heard.push(words);
  }

  #note(what: string, words: string, sequence?: number): void {
    this.heard.push(`${sequence === undefined ? '' : `${sequence} `}${what} ${words}`);
  }

  async #last(): Promise<{ status: number; ok: boolean; payload: Buffer }> {
    const { payload, sequence } = await this.#packet();
    return this.#end(payload, sequence);
  }

  #end(payload: Buffer, sequence: number): { status: number; ok: boolean; payload: Buffer } {
    const tracks = (this.capabilities & can.SESSION_TRACK) !== 0;
    if (payload[0] === ERR) {
      this.#note('ERR', errWords(payload), sequence);
      return { status: 0, ok: false, payload };
    }
    if (payload[0] === EOF && payload.length === 5) {
      this.#note('EOF', eofWords(payload), sequence);
      return { status: payload.readUInt16LE(3), ok: true, payload };
    }
    if (payload[0] !== OK && payload[0] !== EOF) throw new Error(`no end: ${bytesAsWords(payload)}`);
    this.#note(payload[0] === OK ? 'OK' : 'END', okWords(payload, tracks), sequence);
    return { status: statusOf(payload), ok: true, payload };
  }

  /** One result of an answer; true: another one follows. */
  async #result(file: Buffer | undefined): Promise<boolean> {
    const { payload, sequence } = await this.#packet();
    const type = payload[0];
    if (type === OK || type === ERR || type === EOF) {
      const { status, ok } = this.#end(payload, sequence);
      return ok && (status & can.STATUS_MORE_RESULTS) !== 0;
    }
    if (type === LOCAL_FILE) {
      this.#note('FILE', payload.toString('utf8', 1), sequence);
      if (file === undefined) return false;
      this.send(file.length > 0 ? packet(sequence + 1, file) : Buffer.alloc(0));
      this.send(packet(sequence + (file.length > 0 ? 2 : 1), Buffer.alloc(0)));
      return true;
    }
    const count = type === 0xfc ? payload.readUInt16LE(1) : (type as number);
    this.#note('COLUMNS', String(count), sequence);
    await this.#definitions(count, 'column');
    const deprecated = (this.capabilities & can.DEPRECATE_EOF) !== 0;
    if (!deprecated) {
      const { status } = await this.#last();
      if ((status & can.STATUS_CURSOR) !== 0) return false;
    }
    this.lastRows = [];
    const { status, ok } = await this.#until('row');
    return ok && (status & can.STATUS_MORE_RESULTS) !== 0;
  }

  /** Rows or columns up to what ends them. */
  async #until(what: 'row' | 'column'): Promise<{ status: number; ok: boolean }> {
    for (;;) {
      const { payload, sequence } = await this.#packet();
      if (payload[0] === ERR || (payload[0] === EOF && payload.length < FULL))
        return this.#end(payload, sequence);
      if (what === 'column') this.#note(what, columnWords(payload), sequence);
      else {
        this.#note(what, bytesAsWords(payload), sequence);
        if (payload[0] !== 0) this.lastRows.push(valuesOf(payload));
      }
    }
  }

  async #definitions(count: number, what: string): Promise<void> {
    for (let at = 0; at < count; at++) {
      const { payload, sequence } = await this.#packet();
      this.#note(what, columnWords(payload), sequence);
    }
  }

  async #prepared(): Promise<void> {
    const { payload, sequence } = await this.#packet();
    if (payload[0] === ERR) {
      this.#note('ERR', errWords(payload), sequence);
      return;
    }
    this.statements.push(payload.readUInt32LE(1));
    const columns = payload.readUInt16LE(5);
    const parameters = payload.readUInt16LE(7);
    this.#note(
      'PREPARED',
      `${columns} columns ${parameters} parameters ${payload.readUInt16LE(10)} warnings`,
      sequence,
    );
    for (const [count, what] of [
      [parameters, 'parameter'],
      [columns, 'column'],
    ] as const) {
      await this.#definitions(count, what);
      if (count > 0 && (this.capabilities & can.DEPRECATE_EOF) === 0) await this.#last();
    }
  }

  /** The next payload, of however many packets; `sequence` of the last one. */
  async #packet(): Promise<{ payload: Buffer; sequence: number }> {
    const parts: Buffer[] = [];
    for (;;) {
      const head = await this.#bytes(HEADER);
      const length = lengthAt(head, 0);
      parts.push(await this.#bytes(length));
      if (length !== FULL)
        return {
          payload: parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts),
          sequence: head[3] as number,
        };
    }
  }

  async #bytes(length: number): Promise<Buffer> {
    const end = performance.now() + PATIENCE;
    while (this.#there < length) {
      const last = this.heard.slice(-3).join(' | ');
      if (this.ended) throw new Error(`closed, after ${last}`);
      if (performance.now() > end) throw new Error(`no answer after ${last}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1_000);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const all = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    this.#chunks = [all.subarray(length)];
    this.#there -= length;
    return all.subarray(0, length);
  }

  /** Takes nothing from the network until `resume`. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Says goodbye; resolves when the other side has closed. */
  async close(): Promise<void> {
    if (this.ended) return;
    this.#socket.end(quit);
    const end = performance.now() + PATIENCE;
    while (!this.ended && performance.now() < end) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 500);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    if (!this.ended) this.destroy();
  }

  /** Goes without a word. */
  destroy(): void {
    this.#socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function answerOf(plugin: string, password: string, challenge: Buffer): Buffer {
  if (plugin === 'mysql_native_password') return nativeAnswer(password, challenge);
  return plugin === 'caching_sha2_password' ? sha2Answer(password, challenge) : Buffer.alloc(0);
}

function statusOf(payload: Buffer): number {
  let at = 1;
  for (let skipped = 0; skipped < 2; skipped++) {
    const first = payload[at] as number;
    at += first < 251 ? 1 : first === 0xfc ? 3 : first === 0xfd ? 4 : 9;
  }
  return payload.readUInt16LE(at);
}
