import type { SettingChange } from '../core/settings.ts';
import type { TokenList } from './token-list.ts';
import { NUMBER, QUOTED, STRING, WORD } from './tokens.ts';
import { RESERVED } from './words.ts';

/** What a SET or RESET does to the session. */
export type SettingEffect =
  | { readonly kind: 'changes'; readonly changes: readonly SettingChange[] }
  /** Only the running transaction is touched. */
  | { readonly kind: 'local' }
  /** It makes the transaction one that only a primary can run. */
  | { readonly kind: 'transaction'; readonly word: string }
  /** Which value it gives can only be asked; `custom`: not even that, because no view shows the name. */
  | { readonly kind: 'unclear'; readonly custom: boolean };

/** Settings whose values are lists of names: an element that is not a plain name is quoted. guc_tables.c: GUC_LIST_QUOTE */
const QUOTED_LISTS = new Set([
  'search_path',
  'temp_tablespaces',
  'local_preload_libraries',
  'session_preload_libraries',
  'shared_preload_libraries',
  'unix_socket_directories',
]);
const TRANSACTION = /^transaction_(isolation|read_only|deferrable)$/i;

const UNCLEAR: SettingEffect = { kind: 'unclear', custom: false };
const LOCAL: SettingEffect = { kind: 'local' };
const change = (name: string, value: string | null): SettingEffect => ({
  kind: 'changes',
  changes: [{ name, value }],
});

/** SET …, from its first word on. */
export function setEffect(tokens: TokenList, from: number, to: number): SettingEffect {
  let at = from + 1;
  if (tokens.is(at, 'local') && !tokens.mark(at + 1, '.')) return localEffect(tokens, at + 1, to);
  if (tokens.is(at, 'transaction')) return transactionEffect(tokens, at + 1, to);
  if (tokens.is(at, 'constraints')) return LOCAL;
  if (tokens.is(at, 'session') && !tokens.mark(at + 1, '.')) {
    if (tokens.is(at + 1, 'authorization')) return authorization(tokens, at + 2, to);
    if (tokens.is(at + 1, 'characteristics')) return characteristics(tokens, at + 4, to);
    at++;
  }
  return spelled(tokens, at, to) ?? assigned(tokens, at, to);
}

/** RESET …, from its first word on. */
export function resetEffect(tokens: TokenList, from: number, to: number): SettingEffect {
  const at = from + 1;
  if (tokens.is(at, 'time') && tokens.is(at + 1, 'zone')) return change('timezone', null);
  if (tokens.is(at, 'transaction')) return LOCAL;
  if (tokens.is(at, 'session') && tokens.is(at + 1, 'authorization')) return authorized(null);
  const { name, next } = settingName(tokens, at, to);
  if (name === 'all' || name === '' || next !== to) return UNCLEAR;
  return TRANSACTION.test(name) ? LOCAL : change(name, null);
}

/** SELECT set_config('name', 'value', false), with several such calls or one; undefined if it is more than that. */
export function configCalls(tokens: TokenList, from: number, to: number): SettingChange[] | undefined {
  const changes: SettingChange[] = [];
  let at = from;
  do {
    at++;
    if (tokens.is(at, 'pg_catalog') && tokens.mark(at + 1, '.')) at += 2;
    const name = plainString(tokens, at + 2);
    const value = plainString(tokens, at + 4);
    const called =
      tokens.is(at, 'set_config') &&
      tokens.mark(at + 1, '(') &&
      tokens.mark(at + 3, ',') &&
      tokens.mark(at + 5, ',') &&
      tokens.mark(at + 7, ')');
    if (!called || name === undefined || value === undefined) return undefined;
    if (TRANSACTION.test(name) || name.toLowerCase() === 'session_authorization') return undefined;
    if (tokens.is(at + 6, 'false')) changes.push({ name: name.toLowerCase(), value });
    else if (!tokens.is(at + 6, 'true')) return undefined;
    at += 8;
    if (tokens.is(at, 'as') && tokens.named(at + 1)) at += 2;
  } while (at < to && tokens.mark(at, ','));
  return at === to ? changes : undefined;
}

/** The names that calls of set_config in a statement may change; undefined: one of them is no plain text. */
export function configNames(tokens: TokenList, from: number, to: number): string[] | undefined {
  const names: string[] = [];
  for (let at = from; at < to; at++) {
    if (tokens.text(at) !== 'set_config') continue;
    const name =
      tokens.mark(at + 1, '(') && tokens.mark(at + 3, ',') ? plainString(tokens, at + 2) : undefined;
    if (name === undefined) return undefined;
    names.push(name.toLowerCase());
  }
  return names;
}

/** SET LOCAL: gone with the transaction, but it may make one that only a primary can run. */
function localEffect(tokens: TokenList, at: number, to: number): SettingEffect {
  const effect = assigned(tokens, at, to);
  return effect.kind === 'transaction' ? effect : LOCAL;
}

/** SET TRANSACTION: READ WRITE, SERIALIZABLE and SNAPSHOT are for a primary. */
function transactionEffect(tokens: TokenList, from: number, to: number): SettingEffect {
  for (let at = from; at < to; at++) {
    const word = tokens.text(at);
    if (word === 'write' || word === 'serializable' || word === 'snapshot')
      return { kind: 'transaction', word };
  }
  return LOCAL;
}

/** SET SESSION AUTHORIZATION puts the role back too. */
function authorized(value: string | null): SettingEffect {
  return {
    kind: 'changes',
    changes: [
      { name: 'session_authorization', value },
      { name: 'role', value: null },
    ],
  };
}

function authorization(tokens: TokenList, at: number, to: number): SettingEffect {
  if (at + 1 !== to) return UNCLEAR;
  if (tokens.is(at, 'default')) return authorized(null);
  const value = element(tokens, at);
  return value === undefined ? UNCLEAR : authorized(value);
}

/** SET SESSION CHARACTERISTICS AS TRANSACTION modes: the defaults of transactions to come. */
function characteristics(tokens: TokenList, from: number, to: number): SettingEffect {
  const changes: SettingChange[] = [];
  for (let at = from; at < to; ) {
    const word = tokens.text(at);
    const next = tokens.text(at + 1);
    if (word === ',') at++;
    else if (word === 'read' && (next === 'only' || next === 'write')) {
      changes.push({ name: 'default_transaction_read_only', value: next === 'only' ? 'on' : 'off' });
      at += 2;
    } else if (word === 'deferrable' || (word === 'not' && next === 'deferrable')) {
      changes.push({ name: 'default_transaction_deferrable', value: word === 'not' ? 'off' : 'on' });
      at += word === 'not' ? 2 : 1;
    } else if (word === 'isolation' && next === 'level') {
      const single = tokens.is(at + 2, 'serializable');
      const level = single ? 'serializable' : `${tokens.text(at + 2)} ${tokens.text(at + 3)}`;
      changes.push({ name: 'default_transaction_isolation', value: level });
      at += single ? 3 : 4;
    } else return UNCLEAR;
  }
  return changes.length === 0 ? UNCLEAR : { kind: 'changes', changes };
}

/** The forms with a spelling of their own; undefined: it is `name = value`. */
function spelled(tokens: TokenList, at: number, to: number): SettingEffect | undefined {
  const alone = at + 2 === to;
  if (tokens.is(at, 'time') && tokens.is(at + 1, 'zone')) {
    if (tokens.is(at + 2, 'local') && at + 3 === to) return change('timezone', null);
    return valued(tokens, 'timezone', at + 2, to);
  }
  if (tokens.is(at, 'names')) {
    return at + 1 === to ? change('client_encoding', null) : valued(tokens, 'client_encoding', at + 1, to);
  }
  if (tokens.is(at, 'role') && alone) return valued(tokens, 'role', at + 1, to);
  if (tokens.is(at, 'schema') && alone && tokens.kind(at + 1) === STRING) {
    return valued(tokens, 'search_path', at + 1, to);
  }
  if (tokens.is(at, 'xml') && tokens.is(at + 1, 'option') && at + 3 === to) {
    return change('xmloption', tokens.text(at + 2));
  }
  return undefined;
}

/** name { TO | = } value */
function assigned(tokens: TokenList, at: number, to: number): SettingEffect {
  const { name, next } = settingName(tokens, at, to);
  if (TRANSACTION.test(name)) return { kind: 'transaction', word: name };
  const assigns = tokens.is(next, 'to') || tokens.operator(next, '=');
  if (name === '' || !assigns) return { kind: 'unclear', custom: name.includes('.') };
  return valued(tokens, name, next + 1, to);
}

function settingName(tokens: TokenList, from: number, to: number): { name: string; next: number } {
  const parts: string[] = [];
  let at = from;
  for (; at < to && tokens.named(at); at += 2) {
    parts.push(tokens.text(at));
    if (!tokens.mark(at + 1, '.')) return { name: parts.join('.').toLowerCase(), next: at + 1 };
  }
  return { name: '', next: at };
}

/** As guc_funcs.c flattens the arguments of SET to the one text that set_config takes. */
function valued(tokens: TokenList, name: string, from: number, to: number): SettingEffect {
  if (tokens.is(from, 'default') && from + 1 === to) return change(name, null);
  const elements: string[] = [];
  for (let at = from; at < to; ) {
    const negative = tokens.operator(at, '-');
    if (negative) at++;
    const value = element(tokens, at);
    const number = tokens.kind(at) === NUMBER;
    if (value === undefined || (negative && !number)) return { kind: 'unclear', custom: name.includes('.') };
    const text = `${negative ? '-' : ''}${value}`;
    elements.push(QUOTED_LISTS.has(name) && !number ? quotedName(text) : text);
    at++;
    if (at < to && !tokens.mark(at, ',')) return { kind: 'unclear', custom: name.includes('.') };
    at++;
  }
  return elements.length === 0 ? UNCLEAR : change(name, elements.join(', '));
}

/** One constant or word as the server reads it; undefined where that is not certain. */
function element(tokens: TokenList, at: number): string | undefined {
  const text = tokens.text(at);
  switch (tokens.kind(at)) {
    case WORD:
    case QUOTED:
      return text;
    case NUMBER:
      return /^(0|[1-9]\d*)(\.\d+)?$/.test(text) ? text : undefined;
    case STRING:
      return plainString(tokens, at);
    default:
      return undefined;
  }
}

/** A constant in plain or dollar quotes, in one piece and without escapes; undefined: something else. */
function plainString(tokens: TokenList, at: number): string | undefined {
  const raw = tokens.kind(at) === STRING ? tokens.text(at) : '';
  const dollar = /^\$[^$]*\$/.exec(raw)?.[0];
  if (dollar !== undefined) return decoded(tokens, raw.slice(dollar.length, -dollar.length));
  const body = /^'((?:[^']|'')*)'$/.exec(raw)?.[1];
  if (body === undefined || (tokens.escapes && body.includes('\\'))) return undefined;
  return decoded(tokens, body.replaceAll("''", "'"));
}

function decoded(tokens: TokenList, latin: string): string | undefined {
  const bytes = Buffer.from(latin, 'latin1');
  const text = bytes.toString('utf8');
  return text === latin || (tokens.utf8 && Buffer.from(text, 'utf8').equals(bytes)) ? text : undefined;
}

/** ruleutils.c, quote_identifier; quoting more than it does changes nothing. */
function quotedName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !RESERVED.has(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
