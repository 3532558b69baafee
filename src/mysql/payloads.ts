import { ProxyError } from '../core/errors.ts';
import { PayloadReader } from './packets.ts';

// "Generic Response Packets": the bytes that begin the payloads which decide something.
export const OK = 0x00;
/** The server asks for a file of the client's. */
export const LOCAL_FILE = 0xfb;
/** An OK or EOF packet at the end of rows. */
export const END = 0xfe;
export const ERR = 0xff;

/** "Text Resultset Row": values with their lengths in front. */
export function textRow(bytes: Buffer, at: number, end: number): (string | null)[] {
  const reader = new PayloadReader(bytes, at, end);
  const values: (string | null)[] = [];
  while (reader.left > 0) values.push(reader.lenencBytes()?.toString('utf8') ?? null);
  return values;
}

/** The server cannot be followed any further. */
export function lostTrack(what: string): ProxyError {
  return new ProxyError('PROTOCOL', {
    side: 'server',
    retry: 'unknown',
    tell: `the server sent ${what}`,
  });
}
