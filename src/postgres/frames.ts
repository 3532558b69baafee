import { message } from './messages.ts';

/** Single PostgreSQL messages, made and read (manual 54.7). Only what the relay itself needs. */

/** Query. */
export const queryMessage = (text: string): Buffer => message('Q', `${text}\0`);

/** The text values of a DataRow body that begins at `at`. */
export function dataRow(bytes: Buffer, at: number): (string | null)[] {
  const columns = bytes.readUInt16BE(at);
  const row: (string | null)[] = [];
  let next = at + 2;
  for (let column = 0; column < columns; column++) {
    const length = bytes.readInt32BE(next);
    next += 4;
    if (length < 0) {
      row.push(null);
      continue;
    }
    row.push(bytes.toString('utf8', next, next + length));
    next += length;
  }
  return row;
}

/** Code, message and severity of an ErrorResponse body (54.8). */
export function errorFields(body: Buffer): { code: string; message: string; fatal: boolean } {
  let code = '';
  let message = '';
  let severity = '';
  let at = 0;
  while (at < body.length && body[at] !== 0) {
    const end = body.indexOf(0, at + 1);
    if (end < 0) break;
    const value = body.toString('utf8', at + 1, end);
    if (body[at] === 0x43)
      code = value; // C
    else if (body[at] === 0x4d)
      message = value; // M
    else if (body[at] === 0x56) severity = value; // V: never localised
    at = end + 1;
  }
  return { code, message, fatal: severity === 'FATAL' || severity === 'PANIC' };
}

/** The null-terminated text that begins at `at`: where it ends (at the null), or -1. */
export function textEnd(bytes: Buffer, at: number, limit: number): number {
  const end = bytes.indexOf(0, at);
  return end < limit ? end : -1;
}
