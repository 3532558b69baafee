import { createHash } from 'node:crypto';
import { changed, type SettingChange, type Settings, settingsOf } from '../core/settings.ts';
import { kindsOf, type Typing, typingAfter, UNTYPED } from './parameter-types.ts';
import { StatementText } from './statement-facts.ts';
import type { MysqlIntent } from './wants.ts';

/** As many as a server lets all its clients have together (max_prepared_stmt_count). */
const MOST_STATEMENTS = 16_382;
/** Bytes of statements, and of long data, that are kept for one client. */
const MOST_TEXT = 64 * 1024 * 1024;
const MOST_LONG_DATA = 64 * 1024 * 1024;

/** Combinations of types whose names are kept for one text. */
const MOST_TYPED = 64;
/** More characters of types are named by their hash. */
const LONG_TYPES = 512;

/** Settings that a statement keeps from when it was prepared, or that say how its text was read. */
const READING = [':schema', 'sql_mode', 'character_set_client', 'collation_connection'] as const;

const NOTHING = Buffer.alloc(0);

const readings = new WeakMap<Settings, Settings>();

/** Of these settings those that decide what a text that is prepared means. */
function readingOf(settings: Settings): Settings {
  const known = readings.get(settings);
  if (known !== undefined) return known;
  const reading = settingsOf(
    READING.flatMap((name) => {
      const value = settings.values.get(name);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
  readings.set(settings, reading);
  return reading;
}

/** A text that some session has prepared. One object for all who prepare the same under the same settings. */
export class Prepared {
  /** Its name in the lists of links. */
  readonly key: string;
  readonly text: Buffer;
  readonly reading: Settings;
  readonly #typed = new Map<string, string>();

  constructor(key: string, text: Buffer, reading: Settings) {
    this.key = key;
    this.text = text;
    this.reading = reading;
  }

  /** It was prepared where a schema was chosen. */
  get hasSchema(): boolean {
    return this.reading.values.has(':schema');
  }

  /** What makes a session with these settings the one that it was prepared in. */
  changesFrom(settings: Settings): SettingChange[] {
    const now = readingOf(settings);
    if (now === this.reading) return [];
    return READING.flatMap((name) => {
      const value = this.reading.values.get(name) ?? null;
      return (now.values.get(name) ?? null) === value ? [] : [{ name, value }];
    });
  }

  /** Its name where its parameters have these types, '' for none: one text for all who give it the same. */
  typed(types: string): string {
    if (types === '') return this.key;
    const known = this.#typed.get(types);
    if (known !== undefined) return known;
    const key = typedKey(this.key, types);
    if (types.length > LONG_TYPES) return key;
    if (this.#typed.size >= MOST_TYPED) this.#typed.clear();
    this.#typed.set(types, key);
    return key;
  }

  /** The same text as another schema has it. */
  within(schema: string | null, types: string): string {
    const reading = changed(this.reading, [{ name: ':schema', value: schema }]);
    return typedKey(keyOf(this.text, reading), types);
  }
}

const keyOf = (text: Buffer, reading: Settings): string =>
  `${reading.fingerprint}\0${text.toString('latin1')}`;

function typedKey(key: string, types: string): string {
  if (types === '') return key;
  const short =
    types.length <= LONG_TYPES ? types : createHash('sha256').update(types, 'utf16le').digest('hex');
  return `${short.length}:${short}${key}`;
}

const interned = new Map<string, WeakRef<Prepared>>();
const forgotten = new FinalizationRegistry<string>((key) => {
  if (interned.get(key)?.deref() === undefined) interned.delete(key);
});

/** The one object for this text under these settings. */
function preparedOf(text: Buffer, settings: Settings): Prepared {
  const reading = readingOf(settings);
  const key = keyOf(text, reading);
  const known = interned.get(key)?.deref();
  if (known !== undefined) return known;
  const prepared = new Prepared(key, Buffer.from(text), reading);
  interned.set(key, new WeakRef(prepared));
  forgotten.register(prepared, key);
  return prepared;
}

/** One prepared statement of one client. */
export class Statement {
  /** What the client calls it. */
  readonly number: number;
  readonly prepared: Prepared;
  readonly text: StatementText;
  /** How many parameters it has; -1 until a server has said so. */
  parameters = -1;
  /** Two bytes for each parameter, as the client last said them. */
  said: Buffer | undefined;
  /** Which of its parameters were NULL in its last run. */
  #nulls: Buffer = NOTHING;
  /** `typing` is that of what was said last. */
  #isTyped = false;
  /**
   * What MySQL has made of its parameters' types: part of its name on links. Nobody is to meet there what another
   * session has begun with.
   */
  typing: Typing = UNTYPED;
  /** It has a cursor on the session's link. */
  cursor = false;
  /** Packets of long data for its next run, in the order they came. */
  longData: Buffer[] = [];
  longBytes = 0;
  /** More long data came than is kept. */
  spilled = false;
  /** What its text wants, and the facts that this was found under. */
  #intent: MysqlIntent | undefined;
  #facts: unknown;

  constructor(number: number, prepared: Prepared) {
    this.number = number;
    this.prepared = prepared;
    this.text = new StatementText(prepared.text, false);
  }

  /** Its name on links. */
  get key(): string {
    return this.prepared.typed(this.typing.types);
  }

  /** Takes over the types that the client says. */
  keepSaid(types: Buffer): void {
    if (this.said?.equals(types) === true) return;
    this.said = Buffer.from(types);
    this.#isTyped = false;
  }

  /** It is about to run with the types that were said, where MySQL keeps them. */
  runsWith(nulls: Buffer): void {
    if (this.said === undefined || (this.#isTyped && this.#nulls.equals(nulls))) return;
    this.#nulls = Buffer.from(nulls);
    this.#isTyped = true;
    this.typing = typingAfter(this.typing, kindsOf(this.said, nulls));
  }

  /** It did not run: its types are what they were. */
  refused(typing: Typing | undefined, before: Typing): void {
    if (this.typing === typing) this.typing = before;
    this.#isTyped = false;
  }

  /** What its text wants: found once for the same facts. */
  intent<Facts>(facts: Facts, find: (text: Buffer, facts: Facts) => MysqlIntent): MysqlIntent {
    if (this.#intent === undefined || this.#facts !== facts) {
      this.#intent = find(this.prepared.text, facts);
      this.#facts = facts;
    }
    return this.#intent;
  }
}

/**
 * Numbers of a connection's prepared statements. As the servers' they go on when its session is reset or another user
 * logs in on it: one from before means nothing any more.
 */
export interface StatementNumbers {
  last: number;
}

/** The prepared statements of one client, by its own numbers for them. */
export class ClientStatements {
  readonly #numbers: StatementNumbers;
  readonly #byNumber = new Map<number, Statement>();
  #text = 0;
  #longBytes = 0;

  constructor(numbers: StatementNumbers) {
    this.#numbers = numbers;
  }

  get size(): number {
    return this.#byNumber.size;
  }

  /** A new statement; undefined: the client has as many as it may. */
  add(text: Buffer, settings: Settings): Statement | undefined {
    this.#numbers.last++;
    if (this.#byNumber.size >= MOST_STATEMENTS || this.#text + text.length > MOST_TEXT) return undefined;
    const statement = new Statement(this.#numbers.last, preparedOf(text, settings));
    this.#byNumber.set(statement.number, statement);
    this.#text += text.length;
    return statement;
  }

  /** -1 is the one that was prepared last (MariaDB, "COM_STMT_EXECUTE"). */
  get(number: number): Statement | undefined {
    return this.#byNumber.get(number === 0xffff_ffff ? this.#numbers.last : number);
  }

  close(number: number): Statement | undefined {
    const statement = this.#byNumber.get(number);
    if (statement === undefined) return undefined;
    this.#byNumber.delete(number);
    this.#text -= statement.prepared.text.length;
    this.#longBytes -= statement.longBytes;
    return statement;
  }

  /** Keeps long data for a statement's next run; `bytes`: the whole command, undefined if it was too large. */
  keep(number: number, bytes: Buffer | undefined): void {
    const statement = this.get(number);
    if (statement === undefined || statement.spilled) return;
    if (bytes === undefined || this.#longBytes + bytes.length > MOST_LONG_DATA) {
      this.take(statement);
      statement.spilled = true;
      return;
    }
    // A copy: the memory that was read is not held for what may wait long.
    statement.longData.push(Buffer.from(bytes));
    statement.longBytes += bytes.length;
    this.#longBytes += bytes.length;
  }

  /** The long data of a statement, for the run that uses it up. */
  take(statement: Statement): readonly Buffer[] {
    const { longData } = statement;
    statement.spilled = false;
    if (longData.length === 0) return longData;
    this.#longBytes -= statement.longBytes;
    statement.longBytes = 0;
    statement.longData = [];
    return longData;
  }

  /** Are there statements with a cursor? */
  get hasCursors(): boolean {
    for (const { cursor } of this.#byNumber.values()) if (cursor) return true;
    return false;
  }

  /** Forgets all. */
  clear(): void {
    this.#byNumber.clear();
    this.#text = 0;
    this.#longBytes = 0;
  }
}
