import type { SettingChange } from '../core/settings.ts';
import { COM_INIT_DB, COM_SET_OPTION } from './commands.ts';
import { command, queryCommand, uint16 } from './messages.ts';
import { type Answer, Reply } from './reply.ts';

/** The default schema: no variable, so it is changed by a command of its own. */
export const SCHEMA = ':schema';
/** Several statements in one text: an option of the connection. */
export const MULTI = ':multi';

/** Commands and what each of them is answered with. */
export interface Commands {
  readonly bytes: Buffer;
  readonly answers: readonly Answer[];
}

/** How a connection stands to COM_SET_OPTION ("MYSQL_OPTION_MULTI_STATEMENTS_ON", "…_OFF"). */
const MULTI_ON = 0;
const MULTI_OFF = 1;

/** What a value may look like to be a number: such variables take no text. */
const NUMBER = /^-?\d{1,20}(\.\d{1,20})?$/;
/** Read alike under every sql_mode and in every character set that a connection may have. */
const PLAIN = /^[ !-&(-[\]-~]*$/;
const NAME = /^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*$/;

/** Defaults come first, for they may take others along; a collation after the character set that it belongs to. */
const ORDER = [/^sql_mode$/, /^character_set_/, /^collation_/];

/**
 * The commands that make these changes on a server connection, all of them swallowed. The SET goes first: it takes
 * effect whole or not at all. Undefined: they cannot be made. `charset`: character_set_client as it is there now.
 * `names`: of `namesAfter`.
 */
export function adjustCommands(
  changes: readonly SettingChange[],
  charset: string,
  names = '',
): Commands | undefined {
  const variables = changes.filter(({ name }) => !name.startsWith(':'));
  if (variables.some(({ name }) => !NAME.test(name))) return undefined;
  const parts: Buffer[] = [];
  const answers: Answer[] = [];
  const add = (bytes: Buffer, shape: Answer['shape']): void => {
    parts.push(bytes);
    answers.push({ shape, take: 'swallow' });
  };
  const schema = changes.find(({ name }) => name === SCHEMA);
  // A connection that has a default schema can only get another one.
  if (schema?.value === null) return undefined;
  const foreign = schema !== undefined && !PLAIN.test(schema.value);
  // COM_INIT_DB is read in character_set_client.
  if (foreign) add(queryCommand('SET SESSION character_set_client=utf8mb4'), 'result');
  if (foreign) add(command(COM_INIT_DB, schema.value), 'done');
  const back = foreign && !variables.some(({ name }) => name === 'character_set_client');
  const all = back ? [...variables, { name: 'character_set_client', value: charset }] : variables;
  if (all.length > 0) add(queryCommand(setStatement(all, names)), 'result');
  if (schema !== undefined && !foreign) add(command(COM_INIT_DB, schema.value), 'done');
  for (const { name, value } of changes) {
    if (!name.startsWith(':') || name === SCHEMA) continue;
    if (name !== MULTI) return undefined;
    add(command(COM_SET_OPTION, uint16(value === 'on' ? MULTI_ON : MULTI_OFF)), 'done');
  }
  return { bytes: Buffer.concat(parts), answers };
}

/** One SET of all of them, each for the session alone: without the word, isolation is the next transaction's. */
export function setStatement(changes: readonly SettingChange[], names = ''): string {
  // The collation once more, for of NAMES trackers do not tell it.
  const rest = names === '' ? changes : changes.filter(({ name }) => !/^character_set_(?:cl|re)/.test(name));
  const inOrder = [...rest].sort((a, b) => rank(a) - rank(b));
  const parts = inOrder.map(({ name, value }) => `SESSION ${name}=${valueText(name, value)}`);
  return `SET ${(names === '' ? parts : [names, ...parts]).join(',')}`;
}

const SPOKEN = ['character_set_client', 'character_set_results', 'collation_connection'];

/**
 * SET NAMES where one character set is spoken both ways, '' where not. Servers describe columns by the collation that
 * the results' character set was set with; the variable, and so the trackers, have its name alone. `now`: what a variable is on the connection.
 */
export function namesAfter(changes: readonly SettingChange[], now: (name: string) => string): string {
  const spoken = changes.filter(({ name }) => SPOKEN.includes(name));
  if (spoken.length === 0 || spoken.some(({ value }) => value === null)) return '';
  const after = (name: string): string => spoken.find((change) => change.name === name)?.value ?? now(name);
  const [client, results, collation] = SPOKEN.map(after) as [string, string, string];
  const alike = client === results && (collation === client || collation.startsWith(`${client}_`));
  return alike && PLAIN.test(collation) ? `NAMES '${client}' COLLATE '${collation}'` : '';
}

function rank({ name, value }: SettingChange): number {
  const at = ORDER.findIndex((pattern) => pattern.test(name));
  return (value === null ? 0 : ORDER.length + 1) + (at < 0 ? ORDER.length : at);
}

/** MySQL 9.7 takes DEFAULT for OFF here, although the global value is ON. */
const REVERSED: ReadonlySet<string> = new Set(['foreign_key_checks', 'unique_checks']);

function valueText(name: string, value: string | null): string {
  if (value === null) return REVERSED.has(name) ? `@@GLOBAL.${name}` : 'DEFAULT';
  // Trackers report NULL as an empty text.
  if (name === 'character_set_results' && value === '') return 'NULL';
  if (NUMBER.test(value)) return value;
  if (PLAIN.test(value)) return `'${value}'`;
  return `CONVERT(0x${Buffer.from(value).toString('hex')} USING utf8mb4)`;
}

/**
 * SET NAMES and the like report a character set without its collation; this makes the server report the collation,
 * and changes nothing. To be sent behind such a statement, or as the question after it.
 */
export const COLLATION_QUESTION: { readonly bytes: Buffer; readonly answer: Answer } = {
  bytes: queryCommand('SET SESSION collation_connection=@@SESSION.collation_connection'),
  answer: { shape: 'result', take: 'swallow', settingsOnly: true },
};

/** For what `adjustCommands` gives: carried out in part, the connection is left as nobody knows it. */
export class AdjustReply extends Reply {}
