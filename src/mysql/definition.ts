import { intent } from './combine.ts';
import { other, type Statement } from './statement.ts';
import { WORD } from './tokens.ts';
import type { MysqlIntent } from './wants.ts';

/** Objects whose making or end changes what a name in a query means. */
const NAMED = new Set([
  'table',
  'view',
  'function',
  'procedure',
  'trigger',
  'sequence',
  'database',
  'schema',
  'package',
]);

/** CREATE, ALTER, DROP, RENAME, IMPORT, INSTALL, UNINSTALL. */
export function schemaChange(statement: Statement): MysqlIntent {
  const { tokens, from, to } = statement;
  const word = tokens.text(from);
  let temporary = false;
  let named = word === 'rename' || word === 'import';
  for (let at = from + 1; at < Math.min(to, from + 16) && !named; at++) {
    if (tokens.is(at, 'temporary')) temporary = true;
    if (tokens.kind(at) === WORD && NAMED.has(tokens.text(at))) named = true;
  }
  if (tokens.is(from + 1, 'prepare')) return intent('write', 'W16', `${word} prepare`);
  const more: Partial<MysqlIntent> = {
    names: named && !temporary ? 'changed' : 'known',
    pin: temporary && word === 'create' ? 'temporary-object' : undefined,
  };
  return definition(statement, more);
}

/** What a definition calls runs later, and for others; only CREATE TABLE … SELECT runs at once. */
function definition(statement: Statement, more: Partial<MysqlIntent>): MysqlIntent {
  const { tokens, from, to } = statement;
  const text = tokens.text(from);
  let table = false;
  let query = false;
  for (let at = from + 1; at < to; at++) {
    table ||= tokens.is(at, 'table') && at < from + 5;
    query ||= tokens.is(at, 'select');
  }
  if (table && query) return other(statement, more);
  return intent('write', 'W04', text, more);
}
