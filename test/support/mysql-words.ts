import { createHash } from 'node:crypto';
import { STATUS_SESSION_STATE } from '../../src/mysql/capabilities.ts';
import { PayloadReader } from '../../src/mysql/packets.ts';

/** What is said about a packet: what it is, and the words of it that must be the same. */
const LONGEST = 400;

/** Bytes as text that shows every one of them; long ones by their length and sum. */
export function bytesAsWords(bytes: Buffer): string {
  if (bytes.length <= LONGEST) return JSON.stringify(bytes.toString('latin1'));
  const sum = createHash('sha1').update(bytes).digest('hex').slice(0, 12);
  return `${bytes.length} bytes, sum ${sum}`;
}

/** An OK packet, also where it ends rows. */
export function okWords(payload: Buffer, tracks: boolean): string {
  const reader = new PayloadReader(payload, 1);
  const affected = reader.lenenc();
  const id = reader.lenenc();
  const status = reader.int(2);
  const warnings = reader.int(2);
  const parts = [`affected ${affected} id ${id} status ${status.toString(16)} warnings ${warnings}`];
  if (!tracks) return [...parts, bytesAsWords(reader.rest())].join(' ');
  if (reader.left > 0) parts.push(bytesAsWords(reader.lenencBytes() ?? Buffer.alloc(0)));
  if ((status & STATUS_SESSION_STATE) !== 0) parts.push(`state ${trackedWords(reader.lenencBytes())}`);
  return reader.left > 0 ? [...parts, `and ${bytesAsWords(reader.rest())}`].join(' ') : parts.join(' ');
}

/** Reports are made in no certain order. */
function trackedWords(bytes: Buffer | null): string {
  const reader = new PayloadReader(bytes ?? Buffer.alloc(0));
  const entries: string[] = [];
  while (reader.left > 0)
    entries.push(`${reader.int(1)}:${bytesAsWords(reader.lenencBytes() ?? Buffer.alloc(0))}`);
  return entries.sort().join(' ');
}

export function eofWords(payload: Buffer): string {
  return `status ${payload.readUInt16LE(3).toString(16)} warnings ${payload.readUInt16LE(1)}`;
}

/** Numbers of connections and of statements are nobody's business. */
export function errWords(payload: Buffer): string {
  const text = payload
    .toString('utf8', 3)
    .replace(/(thread|connection)( id)?:? \d+/gi, '$1$2 *')
    .replace(/(handler|statement) \(\d+\)/, '$1 (*)');
  return `${payload.readUInt16LE(1)} ${text}`;
}

/** "ColumnDefinition41", `default` of COM_FIELD_LIST included. */
export function columnWords(payload: Buffer): string {
  const reader = new PayloadReader(payload);
  const names = Array.from({ length: 6 }, () => reader.lenencBytes()?.toString('utf8') ?? 'NULL');
  reader.int(1);
  const collation = reader.int(2);
  const length = reader.int(4);
  const type = reader.int(1);
  const flags = reader.int(2);
  const decimals = reader.int(1);
  const rest = reader.rest().subarray(2);
  const about = `type ${type} collation ${collation} length ${length} flags ${flags.toString(16)} decimals ${decimals}`;
  return `${names.slice(1).join('/')} ${about}${rest.length > 0 ? ` default ${bytesAsWords(rest)}` : ''}`;
}

/** Values of a text row; null is NULL. */
export function valuesOf(payload: Buffer): (string | null)[] {
  const reader = new PayloadReader(payload);
  const values: (string | null)[] = [];
  while (reader.left > 0) values.push(reader.lenencBytes()?.toString('utf8') ?? null);
  return values;
}
