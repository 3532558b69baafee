import { STATUS_SESSION_STATE } from './capabilities.ts';
import { COM_QUERY } from './commands.ts';
import { lenenc, lenencText, packet } from './packets.ts';
import type { Traits } from './reply.ts';

/** First bytes of payloads ("Generic Response Packets"). */
export const OK = 0x00;
export const ERR = 0xff;
/** An EOF packet, an OK packet at the end of rows, or at log-in a request for another plugin. */
export const EOF = 0xfe;
/** At log-in: data for the authentication plugin. */
export const MORE_DATA = 0x01;

/** What an OK packet says. */
export interface OkFacts {
  readonly status: number;
  readonly affectedRows?: number | bigint;
  readonly insertId?: number | bigint;
  readonly warnings?: number;
  readonly info?: string;
  /** 0xfe where it ends rows. */
  readonly header?: 0 | 0xfe;
  /** What the trackers report; shown only to those who asked for tracking. */
  readonly changes?: Uint8Array;
}

/** An OK packet; `sessionTrack`: the receiver has the capability SESSION_TRACK. */
export function okPacket(sequence: number, facts: OkFacts, sessionTrack: boolean): Buffer {
  const { affectedRows = 0, insertId = 0, warnings = 0, info = '', header = 0 } = facts;
  const changes = sessionTrack ? facts.changes : undefined;
  const status = changes === undefined ? facts.status : facts.status | STATUS_SESSION_STATE;
  const tail: Uint8Array[] = [];
  if (changes !== undefined) tail.push(lenencText(info), lenencText(changes));
  else if (info !== '') tail.push(sessionTrack ? lenencText(info) : Buffer.from(info));
  return packet(
    sequence,
    Buffer.from([header]),
    lenenc(affectedRows),
    lenenc(insertId),
    uint16(status),
    uint16(warnings),
    ...tail,
  );
}

/** What an ERR packet says. */
export interface ErrFacts {
  /** 0 to 65535. */
  readonly code: number;
  /** SQLSTATE: five characters. */
  readonly state: string;
  readonly message: string;
}

export function errPacket(sequence: number, { code, state, message }: ErrFacts): Buffer {
  return packet(sequence, Buffer.from([ERR]), uint16(code), Buffer.from(`#${state}${message}`));
}

export function eofPacket(
  sequence: number,
  { status, warnings = 0 }: { readonly status: number; readonly warnings?: number },
): Buffer {
  return packet(sequence, Buffer.from([EOF]), uint16(warnings), uint16(status));
}

/** One column of a result set ("ColumnDefinition41"). */
export interface Column {
  readonly name: string;
  /** `enum_field_types`, e.g. 0xfd for VARCHAR. */
  readonly type: number;
  /** Number of its collation; 63 for numbers and bytes. */
  readonly collation: number;
  /** Display width in bytes. */
  readonly length: number;
  readonly flags?: number;
  readonly decimals?: number;
  readonly schema?: string;
  readonly table?: string;
  readonly originalTable?: string;
  readonly originalName?: string;
}

export function columnDefinition(sequence: number, column: Column): Buffer {
  const { schema = '', table = '', originalTable = '', originalName = '', name } = column;
  const fixed = Buffer.alloc(13);
  // The length of the fixed fields that follow.
  fixed[0] = 0x0c;
  fixed.writeUInt16LE(column.collation, 1);
  fixed.writeUInt32LE(column.length, 3);
  fixed[7] = column.type;
  fixed.writeUInt16LE(column.flags ?? 0, 8);
  fixed[10] = column.decimals ?? 0;
  const texts = ['def', schema, table, originalTable, name, originalName].map(lenencText);
  return packet(sequence, ...texts, fixed);
}

/** A value of a text row: null is NULL. */
export type TextValue = string | Uint8Array | null;

/**
 * A whole text result set as the answer to a command: its first packet has sequence 1. `encode`: how a row's payload is
 * made, for rows of another kind.
 */
export function textResult(
  columns: readonly Column[],
  rows: readonly (readonly TextValue[])[],
  traits: Traits,
  status: number,
  warnings = 0,
  encode: (row: readonly TextValue[]) => readonly Uint8Array[] = textRow,
): Buffer {
  const parts: Buffer[] = [];
  let sequence = 1;
  const add = (make: (sequence: number) => Buffer): void => {
    parts.push(make(sequence));
    sequence += 1;
  };
  add((n) => packet(n, lenenc(columns.length)));
  for (const column of columns) add((n) => columnDefinition(n, column));
  // What there is to warn of is known when the rows have been sent.
  if (!traits.deprecateEof) add((n) => eofPacket(n, { status }));
  for (const row of rows) add((n) => packet(n, ...encode(row)));
  if (traits.deprecateEof) {
    add((n) => okPacket(n, { status, warnings, header: EOF }, traits.sessionTrack));
  } else add((n) => eofPacket(n, { status, warnings }));
  return Buffer.concat(parts);
}

const textRow = (row: readonly TextValue[]): Uint8Array[] => row.map(lenencText);

/** A command of code `code`, e.g. COM_INIT_DB; text is written as UTF-8. */
export function command(code: number, ...parts: readonly (string | Uint8Array)[]): Buffer {
  const bytes = parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part));
  return packet(0, Buffer.from([code]), ...bytes);
}

/** COM_QUERY of a text, or of bytes in the character set of the connection. */
export function queryCommand(text: string | Uint8Array): Buffer {
  return command(COM_QUERY, text);
}

export function uint16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2);
  bytes.writeUInt16LE(value, 0);
  return bytes;
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(value >>> 0, 0);
  return bytes;
}
