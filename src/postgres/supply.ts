import type { TransactionStatus } from '../core/wire.ts';
import type { PostgresUnit } from './finder.ts';
import { message, readyForQuery } from './messages.ts';
import { Scanner } from './tokens.ts';

const PARSE_COMPLETE = message('1');
const BIND_COMPLETE = message('2');
const CLOSE_COMPLETE = message('3');
const NO_DATA = message('n');
/** ParameterDescription of no parameters. */
const NO_PARAMETERS = message('t', Buffer.alloc(2));

/**
 * The reply a server would give to a unit that holds one statement without rows, told by the proxy itself
 * because the unit is not sent (a BEGIN held back, the end of a transaction that no server has seen).
 */
export function supplyReply(unit: PostgresUnit, status: TransactionStatus, failed: boolean): Buffer {
  const complete = message('C', `${tagOf(unit.text, failed)}\0`);
  if (unit.shape === 'simple') return Buffer.concat([complete, readyForQuery(status)]);
  const parts: Buffer[] = [];
  const { bytes } = unit;
  for (let at = 0; at + 5 <= bytes.length; at += bytes.readUInt32BE(at + 1) + 1) {
    switch (bytes[at]) {
      case 0x50: // P
        parts.push(PARSE_COMPLETE);
        break;
      case 0x42: // B
        parts.push(BIND_COMPLETE);
        break;
      case 0x44: // D: of a statement, or of a portal
        if (bytes[at + 5] === 0x53) parts.push(NO_PARAMETERS);
        parts.push(NO_DATA);
        break;
      case 0x45: // E
        parts.push(complete);
        break;
      case 0x43: // C
        parts.push(CLOSE_COMPLETE);
        break;
    }
  }
  parts.push(readyForQuery(status));
  return Buffer.concat(parts);
}

const TAGS: ReadonlyMap<string, string> = new Map([
  ['begin', 'BEGIN'],
  ['start', 'START TRANSACTION'],
  ['commit', 'COMMIT'],
  ['end', 'COMMIT'],
  ['rollback', 'ROLLBACK'],
  ['abort', 'ROLLBACK'],
  ['deallocate', 'DEALLOCATE'],
]);

/** The command tag of a statement by its first word. A failed transaction is rolled back by a COMMIT too. */
function tagOf(text: Buffer, failed: boolean): string {
  const scanner = new Scanner();
  scanner.begin(text, true);
  scanner.next();
  const tag = TAGS.get(text.toString('latin1', scanner.start, scanner.end).toLowerCase()) ?? 'OK';
  return failed && tag === 'COMMIT' ? 'ROLLBACK' : tag;
}
