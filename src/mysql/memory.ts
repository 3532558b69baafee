import type { Settings } from '../core/settings.ts';
import type { SessionFacts } from '../core/wire.ts';
import { STATUS_AUTOCOMMIT, STATUS_NO_BACKSLASH_ESCAPES } from './capabilities.ts';
import type { TextFacts } from './classify.ts';
import { isMariaDb } from './collations.ts';
import { Diagnostics } from './diagnostics.ts';
import { type Held, NONE_HELD } from './held.ts';
import { InsertIds } from './insert-ids.ts';
import type { MysqlLogin } from './login.ts';
import { ClientStatements, type Prepared } from './prepared.ts';
import type { MysqlIntent } from './wants.ts';

/** SERVER_STATUS_ANSI_QUOTES: MariaDB's own. */
const STATUS_ANSI_QUOTES = 1 << 15;

/** SET TRANSACTION statements that are kept for one transaction. */
const MOST_HELD = 16;

/** What the client half of one session remembers from unit to unit. */
export class Memory {
  readonly login: MysqlLogin;
  readonly mariadb: boolean;
  readonly statements: ClientStatements;
  readonly diagnostics = new Diagnostics();
  readonly ids = new InsertIds();
  /** Settings that are the proxy's own. */
  readonly #own = new Map<string, string>();
  /** SET TRANSACTION statements for the next transaction. */
  #held: Buffer[] = [];
  #heldSerializable = false;
  #heldReadOnly = false;
  /** The open transaction was begun as READ ONLY. */
  readOnly = false;
  #text: TextFacts | undefined;
  /** The same, as texts have it that were prepared under other settings, by those. */
  #prepared = new WeakMap<Settings, TextFacts>();
  #settings: Settings;
  /** The session's character_set_results; '' for NULL. */
  results = 'utf8mb4';
  /** The session's collation_connection. */
  collation = '';

  constructor(login: MysqlLogin) {
    this.login = login;
    this.statements = new ClientStatements(login.statements);
    this.mariadb = isMariaDb(login.version);
    this.#settings = login.settings;
  }

  /** As of the unit that was classified last. */
  get settings(): Settings {
    return this.#settings;
  }

  get multi(): boolean {
    return this.#settings.values.get(':multi') === 'on';
  }

  get autocommit(): boolean {
    return this.#text?.autocommit !== false;
  }

  /** Status flags of an answer of the proxy's own, outside a transaction. */
  get status(): number {
    const escapes = this.#text?.sqlMode.includes('NO_BACKSLASH_ESCAPES') === true;
    const ansi = this.mariadb && this.#text?.sqlMode.includes('ANSI_QUOTES') === true;
    return (
      (this.autocommit ? STATUS_AUTOCOMMIT : 0) |
      (escapes ? STATUS_NO_BACKSLASH_ESCAPES : 0) |
      (ansi ? STATUS_ANSI_QUOTES : 0)
    );
  }

  /** Facts that a text depends on; the same object while nothing of them changes. */
  facts(session: SessionFacts): TextFacts {
    if (
      this.#text !== undefined &&
      this.#settings === session.settings &&
      this.#text.catalogue === session.catalogue &&
      this.#text.lists === session.functions
    ) {
      return this.#text;
    }
    const value = (name: string): string =>
      session.settings.values.get(name) ?? session.greeting.parameters.get(name) ?? '';
    const isolation =
      session.settings.values.get('transaction_isolation') ??
      session.settings.values.get('tx_isolation') ??
      value('transaction_isolation');
    this.#settings = session.settings;
    this.results = value('character_set_results');
    this.collation = value('collation_connection');
    this.#prepared = new WeakMap();
    this.#text = {
      sqlMode: value('sql_mode'),
      charset: value('character_set_client'),
      schema: session.settings.values.get(':schema') ?? '',
      catalogue: session.catalogue,
      lists: session.functions,
      serializable: isolation.toUpperCase() === 'SERIALIZABLE',
      autocommit: value('autocommit').toUpperCase() !== 'OFF',
      route: this.#own.get('pointsman.route') ?? '',
      version: this.login.version,
    };
    return this.#text;
  }

  /** Facts that a prepared text depends on: what servers keep for it from its PREPARE is what it was then. */
  factsOf(prepared: Prepared, session: SessionFacts): TextFacts {
    const now = this.facts(session);
    const { reading, hasSchema } = prepared;
    if (prepared.changesFrom(session.settings).length === 0) return now;
    const known = this.#prepared.get(reading);
    if (known !== undefined) return known;
    const value = (name: string): string =>
      reading.values.get(name) ?? session.greeting.parameters.get(name) ?? '';
    const chosen = session.settings.values.has(':schema');
    const facts: TextFacts = {
      ...now,
      sqlMode: value('sql_mode'),
      charset: value('character_set_client'),
      // As the planner has it: a schema can only be exchanged for one.
      schema: hasSchema === chosen ? (reading.values.get(':schema') ?? '') : now.schema,
    };
    this.#prepared.set(reading, facts);
    return facts;
  }

  /** Keeps what the session has set and no server is to know. */
  keepOwn({ own = [] }: MysqlIntent): void {
    if (own.length === 0) return;
    for (const { name, value } of own) this.#own.set(name, value);
    this.#text = undefined;
  }

  /** Keeps a SET TRANSACTION for the next transaction; false: there are too many. */
  hold(text: Buffer, { nextTransaction }: MysqlIntent): boolean {
    if (this.#held.length >= MOST_HELD) return false;
    this.#held.push(Buffer.from(text));
    const { serializable, readOnly } = nextTransaction ?? {};
    if (serializable !== undefined) this.#heldSerializable = serializable;
    if (readOnly !== undefined) this.#heldReadOnly = readOnly;
    return true;
  }

  /** They were not used up: they are for the next transaction again. */
  holdAgain({ texts, serializable, readOnly }: Held): void {
    this.#held = [...texts, ...this.#held];
    this.#heldSerializable ||= serializable;
    this.#heldReadOnly ||= readOnly;
  }

  /** Hands out the SET TRANSACTION statements that were kept. */
  release(): Held {
    if (this.#held.length === 0) return NONE_HELD;
    const held = { texts: this.#held, serializable: this.#heldSerializable, readOnly: this.#heldReadOnly };
    this.#held = [];
    this.#heldSerializable = false;
    this.#heldReadOnly = false;
    return held;
  }

  /** The session is as new. */
  reset(): void {
    this.statements.clear();
    this.diagnostics.reset();
    this.ids.reset();
    this.readOnly = false;
    this.release();
    this.#text = undefined;
    this.#own.clear();
  }
}
