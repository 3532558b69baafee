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

/** An OK packet, also where it ends rows. `tracks`: it may say what has changed in the session. */
export function okWords(payload: Buffer, tracks: boolean): string {
  const reader = new PayloadReader(payload, 1);
  const affected = reader.lenenc();
  const id = reader.lenenc();
  const status = reader.int(2);
  const warnings = reader.int(2);
  const told: string[] = [];
  if (!tracks) told.push(bytesAsWords(reader.rest()));
  else if (reader.left > 0) told.push(bytesAsWords(reader.lenencBytes() ?? NOTHING));
  const reports = tracks && (status & STATUS_SESSION_STATE) !== 0;
  if (reports) told.push(...trackedWords(reader.lenencBytes() ?? NOTHING));
  const flags = (status & ~STATUS_SESSION_STATE).toString(16);
  return [
    `affected ${affected} id ${id} status ${flags} warnings ${warnings}`,
    ...told.filter((words) => words !== '""'),
  ].join(' ');
}

const NOTHING = Buffer.alloc(0);
/** Of the transaction, which the status flags tell as well: a server reports it when it likes. */
const TRANSACTION_STATE = 5;

/** Reports are made in no certain order. */
function trackedWords(bytes: Buffer): string[] {
  const reader = new PayloadReader(bytes);
  const entries: string[] = [];
  while (reader.left > 0) {
    const kind = reader.int(1);
    const words = bytesAsWords(reader.lenencBytes() ?? NOTHING);
    if (kind !== TRANSACTION_STATE) entries.push(`state ${kind}:${words}`);
  }
  return entries.sort();
}

export function eofWords(payload: Buffer): string {
  return `status ${payload.readUInt16LE(3).toString(16)} warnings ${payload.readUInt16LE(1)}`;
}

/** Numbers of connections and statements are nobody's business; of some refusals the proxy gives a reason of its own. */
export function errWords(payload: Buffer): string {
  const code = payload.readUInt16LE(1);
  if (OWN_WORDS.has(code)) return String(code);
  return `${code} ${payload.toString('utf8', 3).replace(/(handler|statement) \(\d+\)/, '$1 (*)')}`;
}

/** No such thread; a write in a READ ONLY transaction. */
const OWN_WORDS = new Set([1094, 1792]);

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
