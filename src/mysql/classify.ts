import type { Catalogue } from '../core/catalogue.ts';
import { Cost } from '../core/cost.ts';
import { DigestCache } from '../core/digest-cache.ts';
import { type FunctionLists, listsId } from '../core/function-lists.ts';
import { hintOf, readHint } from '../core/hints.ts';
import type { Alone, Hint } from '../core/intent.ts';
import { builtinsOf } from './builtins.ts';
import { type CatalogueView, viewOf } from './catalogue.ts';
import { isMariaDb } from './collations.ts';
import { combine, intent, NOTHING, reconcile, refused } from './combine.ts';
import { Digest, normalReading } from './digest.ts';
import type { NameFacts } from './names.ts';
import { sendsAll } from './statement-facts.ts';
import { classifyStatement } from './statements.ts';
import { TokenList } from './token-list.ts';
import { BAD, END, PUNCT, type Reading, Scanner, WORD } from './tokens.ts';
import type { MysqlIntent } from './wants.ts';

/** What the meaning of a text depends on. */
export interface TextFacts {
  /** The session's sql_mode. */
  readonly sqlMode: string;
  /** The session's character_set_client. */
  readonly charset: string;
  /** Of names without one; '' if none is chosen. */
  readonly schema: string;
  /** What the names mean; undefined: nothing is known, and only statements without names are reads. */
  readonly catalogue: Catalogue | undefined;
  /** Functions that the configuration declares harmless, or not. */
  readonly lists: FunctionLists;
  /** The session's transaction_isolation is SERIALIZABLE. */
  readonly serializable?: boolean;
  /** False: every statement begins a transaction. */
  readonly autocommit?: boolean;
  /** The session's `pointsman.route`: a hint for statements without one of their own. */
  readonly route?: string | undefined;
  /** As the server says it. */
  readonly version: string;
}

/** Of one byte a character, with ASCII as it is in their lower half. */
const SINGLE_BYTE = new Set(
  `ascii binary latin1 latin2 latin5 latin7 cp1250 cp1251 cp1256 cp1257 cp850 cp852 cp866 greek hebrew koi8r koi8u
  armscii8 geostd8 dec8 hp8 keybcs2 macce macroman`.split(/\s+/),
);
const UTF8 = new Set(['utf8mb4', 'utf8mb3', 'utf8']);

/** Modes under which the language is another one. */
const FOREIGN = /\b(ORACLE|MSSQL)\b/i;

const SEMICOLON = 59;

const digest = new Digest();
const scanner = new Scanner();
const cache = new DigestCache<MysqlIntent>();

/** The bytes in front of a normal form that keep apart what depends on more than the text; the schema follows. */
const PREFIX = 9;
const SCHEMA_LIMIT = 256;
/** A longer normal form is not remembered: it would push out too many others. */
const KEY_LIMIT = 16_384;
/** More readings of executable comments are not looked at. */
const READINGS = 32;

/**
 * What a text of one or more statements wants. Remembered by the text's normal form: the answer for a text
 * whose form is known costs one pass over its bytes.
 */
export function classifyText(text: Buffer, facts: TextFacts): MysqlIntent {
  const reading = readingOf(facts);
  if (reading === undefined) return uncertain(text, 'U02', facts.charset, UNREAD);
  const schema = Buffer.byteLength(facts.schema);
  const prefix = PREFIX + schema;
  const fits = schema <= SCHEMA_LIMIT && digest.normalize(text, reading, prefix) && !digest.literal;
  if (!fits) return ofSession(withHint(text, reading, readings(text, facts, reading)), facts);
  const normal = normalReading(reading.utf8);
  const form = (): Buffer => digest.bytes.subarray(prefix, digest.length);
  if (digest.length > KEY_LIMIT)
    return ofSession(withHint(form(), normal, readings(form(), facts, normal)), facts);
  writePrefix(facts, reading, schema);
  const key = digest.bytes.toString('latin1', 0, digest.length);
  const known = cache.get(key);
  if (known !== undefined) return ofSession(known, facts);
  const judged = withHint(form(), normal, readings(form(), facts, normal));
  const alone = aloneBecause(judged, form());
  const found =
    alone === undefined ? { ...judged, cost: new Cost(), sendsAll: sendsAll(key) } : { ...judged, alone };
  cache.set(key, found);
  return ofSession(found, facts);
}

/**
 * Undefined: one query, whose answer depends on nothing but the data and the settings of its session. EXPLAIN is none:
 * there is always something to be asked behind it. Nor is what could have LAST_INSERT_ID() or FOUND_ROWS() put right
 * first.
 */
function aloneBecause(
  { kind, because, names, pin, audit, begin, insertId, countsRows, looksBack }: MysqlIntent,
  form: Uint8Array,
): Alone | undefined {
  if (kind !== 'read') return 'no-read';
  if (because !== 'R01') return 'asked-behind';
  if (names !== 'known') return 'unknown-names';
  if (audit || pin !== undefined) return 'leaves-state';
  if (begin !== undefined) return 'begins';
  if (insertId || countsRows === true || looksBack === true) return 'looks-back';
  const more = form.indexOf(SEMICOLON);
  return more < 0 || more === form.length - 1 ? undefined : 'several';
}

/** What holds for a session's every statement. */
function ofSession(found: MysqlIntent, facts: TextFacts): MysqlIntent {
  let result = found;
  if (facts.autocommit === false && result.kind === 'read') {
    result = { ...result, kind: 'write', because: 'W17', detail: '' };
  }
  // No status flag tells of the transaction that it begins: nobody else may have the link meanwhile.
  if (facts.autocommit === false && result.because === 'S03' && result.detail === 'savepoint') {
    result = { ...result, pin: 'session-state' };
  }
  if (facts.serializable === true) {
    if (result.kind === 'read') result = { ...result, kind: 'write', because: 'W15', detail: '' };
    if (result.begin !== undefined) result = { ...result, begin: { ...result.begin, serializable: true } };
  }
  if (facts.route !== undefined && facts.route !== '' && result.hint === undefined) {
    result = { ...result, hint: hintOf(facts.route) };
  }
  return result;
}

/** Under every reading of its executable comments, as code and as comments, in any mixture. */
function readings(text: Buffer, facts: TextFacts, reading: Reading): MysqlIntent {
  const names = namesOf(facts);
  const found: MysqlIntent[] = [];
  for (let comments = 0, met = 0; comments < 1 << met || comments === 0; comments++) {
    const tokens = new TokenList(text, reading, comments);
    met = Math.max(met, tokens.decisions);
    if (!tokens.certain || 1 << met > READINGS) return uncertain(text, 'U01', 'text', reading);
    found.push(statements(tokens, names));
  }
  return found.length === 1 ? (found[0] ?? NOTHING) : reconcile(found);
}

function statements(tokens: TokenList, facts: NameFacts): MysqlIntent {
  const intents: MysqlIntent[] = [];
  let from = 0;
  for (let at = 0; at <= tokens.length; at++) {
    if (at < tokens.length && !tokens.mark(at, ';')) continue;
    if (at > from) intents.push(classifyStatement({ tokens, from, to: at, facts }));
    from = at + 1;
  }
  const found = combine(intents);
  // MySQL sets them for the statement alone; where they are comments nothing happens.
  const sets = tokens.hints.includes('set_var') || tokens.hints.includes('resource_group');
  return sets && found.kind !== 'write' ? { ...found, kind: 'write', because: 'W19', detail: '' } : found;
}

/** Words that only a text which leaves something behind, unseen, would hold. */
const LEAVES =
  /lock|handler|last_insert_id|insert_id|timestamp|sql_log_bin|gtid|pseudo|backup|binlog|immediate|\bxa\b/i;
const DEFINES = /create|alter|drop|rename|import|install/i;

const LOOKS_BACK = /found_rows|row_count|warnings|errors|diagnostics|error_count|warning_count/i;

/** What begins a text comes before all that is uncertain. */
const UNREAD: Reading = { escapes: true, ansi: false, utf8: false };

/** Whatever its tokens are, ASCII words that are in it can be seen in its bytes. */
function uncertain(text: Buffer, because: 'U01' | 'U02', detail: string, reading: Reading): MysqlIntent {
  if (kills(text, reading)) return refused(because, 'kill');
  const latin = text.toString('latin1');
  return intent('write', because, detail, {
    pin: LEAVES.test(latin) ? 'session-state' : undefined,
    insertId: /last_insert_id|identity/i.test(latin),
    names: DEFINES.test(latin) ? 'changed' : 'known',
    ...(LOOKS_BACK.test(latin) ? { looksBack: true } : {}),
  });
}

/** Does a statement in it begin with KILL, as far as it can be read? */
function kills(text: Buffer, reading: Reading): boolean {
  let first = true;
  scanner.begin(text, reading);
  for (let kind = scanner.next(); kind !== END && kind !== BAD; kind = scanner.next()) {
    const { start, end } = scanner;
    if (first && kind === WORD && text.toString('latin1', start, end).toLowerCase() === 'kill') return true;
    first = kind === PUNCT && text[start] === SEMICOLON;
  }
  return false;
}

function withHint(text: Uint8Array, reading: Reading, found: MysqlIntent): MysqlIntent {
  const hint = leadingHint(text, reading);
  return hint === undefined ? found : { ...found, hint };
}

function leadingHint(text: Uint8Array, reading: Reading): Hint | undefined {
  scanner.begin(text, reading);
  scanner.next();
  if (scanner.start === 0) return undefined;
  return readHint(Buffer.from(text.buffer, text.byteOffset, scanner.start).toString('latin1'));
}

function namesOf(facts: TextFacts): NameFacts {
  const catalogue: CatalogueView | undefined =
    facts.catalogue === undefined ? undefined : viewOf(facts.catalogue);
  return { catalogue, lists: facts.lists, builtins: builtinsOf(facts.version), schema: facts.schema };
}

const readingsKnown = new Map<string, Reading | undefined>();
/** Clients choose these texts. */
const READINGS_KNOWN = 256;

let last:
  | { readonly charset: string; readonly sqlMode: string; readonly reading: Reading | undefined }
  | undefined;

function readingOf({ charset, sqlMode }: TextFacts): Reading | undefined {
  if (last?.charset !== charset || last.sqlMode !== sqlMode) {
    last = { charset, sqlMode, reading: knownReading(charset, sqlMode) };
  }
  return last.reading;
}

function knownReading(charset: string, sqlMode: string): Reading | undefined {
  const key = `${charset} ${sqlMode}`;
  if (readingsKnown.has(key)) return readingsKnown.get(key);
  if (readingsKnown.size >= READINGS_KNOWN) readingsKnown.clear();
  const found = newReading(charset.toLowerCase(), sqlMode.toUpperCase());
  readingsKnown.set(key, found);
  return found;
}

function newReading(charset: string, sqlMode: string): Reading | undefined {
  const utf8 = UTF8.has(charset);
  if (!utf8 && !SINGLE_BYTE.has(charset)) return undefined;
  if (FOREIGN.test(sqlMode)) return undefined;
  return {
    escapes: !sqlMode.includes('NO_BACKSLASH_ESCAPES'),
    ansi: /\bANSI(_QUOTES)?\b/.test(sqlMode),
    utf8,
  };
}

function writePrefix(facts: TextFacts, reading: Reading, schema: number): void {
  const id = listsId(facts.lists);
  const { bytes } = digest;
  const catalogue = facts.catalogue === undefined ? 0 : viewOf(facts.catalogue).id;
  const family = isMariaDb(facts.version) ? 100 : Number.parseInt(facts.version, 10) || 0;
  bytes[0] = reading.utf8 ? 1 : 0;
  bytes[1] = catalogue & 255;
  bytes[2] = (catalogue >>> 8) & 255;
  bytes[3] = (catalogue >>> 16) & 255;
  bytes[4] = (catalogue >>> 24) & 255;
  bytes[5] = id & 255;
  bytes[6] = (id >>> 8) & 255;
  bytes[7] = family & 255;
  bytes[8] = schema & 255;
  bytes.write(facts.schema, PREFIX, 'utf8');
}
