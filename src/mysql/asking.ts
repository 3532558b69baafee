import type { Exchange } from './exchange.ts';
import { EOF, ERR, OK, queryCommand } from './messages.ts';
import { PayloadReader } from './packets.ts';

/** The server's refusal of a statement: its ERR packet's payload. */
export class Refused extends Error {
  readonly payload: Buffer;

  constructor(payload: Buffer) {
    super('the server refused a statement of the log-in');
    this.payload = payload;
  }
}

/**
 * Runs one statement before a link has an owner; gives the text rows, [] where it gives none. The connection has
 * DEPRECATE_EOF. Rejects with Refused, RangeError where it cannot be read, or as `Exchange.read` does.
 */
export async function ask(exchange: Exchange, statement: string): Promise<(string | null)[][]> {
  exchange.sequence = 0;
  exchange.write(queryCommand(statement));
  const head = await exchange.read();
  if (head[0] === ERR) throw new Refused(head);
  if (head[0] === OK) return [];
  const columns = Number(new PayloadReader(head).lenenc());
  for (let n = 0; n < columns; n += 1) await exchange.read();
  const rows: (string | null)[][] = [];
  for (;;) {
    const payload = await exchange.read();
    if (payload[0] === ERR) throw new Refused(payload);
    // No value of a log-in is so long that its length would begin with this byte.
    if (payload[0] === EOF) return rows;
    const reader = new PayloadReader(payload);
    rows.push(Array.from({ length: columns }, () => reader.lenencBytes()?.toString('utf8') ?? null));
  }
}
