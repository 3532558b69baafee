import * as com from '../../src/mysql/commands.ts';
import { command, uint16, uint32 } from '../../src/mysql/messages.ts';
import { lenencText } from '../../src/mysql/packets.ts';

/** Commands of a client as exact bytes ("Command Phase"). */
export const query = (text: string | Uint8Array): Buffer => command(com.COM_QUERY, text);
export const initDb = (schema: string): Buffer => command(com.COM_INIT_DB, schema);
export const fieldList = (table: string, wildcard = '%'): Buffer =>
  command(com.COM_FIELD_LIST, `${table}\0`, wildcard);
export const statistics = command(com.COM_STATISTICS);
export const ping = command(com.COM_PING);
export const quit = command(com.COM_QUIT);
export const resetConnection = command(com.COM_RESET_CONNECTION);
/** Several statements in one text: 0 switches them on, 1 off. */
export const setOption = (option: number): Buffer => command(com.COM_SET_OPTION, uint16(option));
export const processKill = (id: number): Buffer => command(com.COM_PROCESS_KILL, uint32(id));
export const prepare = (text: string): Buffer => command(com.COM_STMT_PREPARE, text);
export const closeStatement = (id: number): Buffer => command(com.COM_STMT_CLOSE, uint32(id));
export const resetStatement = (id: number): Buffer => command(com.COM_STMT_RESET, uint32(id));
export const fetch = (id: number, rows: number): Buffer =>
  command(com.COM_STMT_FETCH, uint32(id), uint32(rows));
export const longData = (id: number, parameter: number, data: string | Uint8Array): Buffer =>
  command(com.COM_STMT_SEND_LONG_DATA, uint32(id), uint16(parameter), data);

/** A parameter: a text, a whole number, NULL, one whose data were sent ahead, or a value of another type as bytes. */
export type Given = string | number | bigint | null | 'long'[] | Typed;

export interface Typed {
  readonly type: number;
  readonly value: Buffer;
}

const TEXT = 0xfd;
const NUMBER = 0x08;
const NOTHING = 0x06;
/** MYSQL_TYPE_BLOB. */
const LONG_DATA = 0xfc;

export interface ExecuteOptions {
  /** 1: a cursor. */
  readonly flags?: number;
  /** False: the server is to remember the types of the last time. */
  readonly types?: boolean;
}

/** "COM_STMT_EXECUTE". */
export function execute(id: number, given: readonly Given[] = [], options: ExecuteOptions = {}): Buffer {
  const { flags = 0, types = true } = options;
  const head = [uint32(id), Buffer.from([flags]), uint32(1)];
  if (given.length === 0) return command(com.COM_STMT_EXECUTE, ...head);
  const nulls = Buffer.alloc((given.length + 7) >> 3);
  for (const [at, value] of given.entries()) {
    if (value === null) nulls[at >> 3] = (nulls[at >> 3] ?? 0) | (1 << (at & 7));
  }
  const said = types ? Buffer.concat(given.map((value) => uint16(typeOf(value)))) : Buffer.alloc(0);
  const values = given.map(bytesOf);
  return command(com.COM_STMT_EXECUTE, ...head, nulls, Buffer.from([types ? 1 : 0]), said, ...values);
}

function typeOf(value: Given): number {
  if (value === null) return NOTHING;
  if (Array.isArray(value)) return LONG_DATA;
  if (typeof value === 'object') return value.type;
  return typeof value === 'string' ? TEXT : NUMBER;
}

function bytesOf(value: Given): Buffer {
  if (value === null || Array.isArray(value)) return Buffer.alloc(0);
  if (typeof value === 'string') return lenencText(value);
  if (typeof value === 'object') return value.value;
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes;
}
