import type { Intent } from '../core/intent.ts';
import type { Settings } from '../core/settings.ts';
import type { Plan, SessionFacts } from '../core/wire.ts';
import { BatchPlanner, handOver, keepNames, type Names, onlyNames } from './batch.ts';
import { BatchReader, CLOSE_UNNAMED, type Unnamed, unnamedAfter } from './batch-reader.ts';
import { TextClassifier } from './classify.ts';
import { ALL, deallocates } from './deallocate.ts';
import type { PostgresUnit } from './finder.ts';
import type { Accepted, LinkStatements } from './prepared.ts';
import { unitIntent } from './unit-rules.ts';

/** Reads what a session's units want, and plans them. Remembers the statements they lean on. */
export class UnitReader {
  #unnamed: Unnamed | undefined;
  #names: Names | undefined;
  readonly #accepted: Accepted;
  #texts: TextClassifier | undefined;
  #factsOf: Settings | undefined;

  constructor(accepted: Accepted) {
    this.#accepted = accepted;
  }

  classify(unit: PostgresUnit, facts: SessionFacts): Intent {
    if (unit.extent === 'open') return this.#open(unit);
    const texts = this.#classifier(facts);
    if (unit.shape === 'simple') {
      this.#unnamed = undefined;
      // The text ends with a null.
      unit.text = unit.bytes.subarray(5, unit.bytes.length - 1);
      return this.#text(unit.text, texts);
    }
    if (unit.shape === 'call') return FUNCTION_CALL;
    return this.#batch(unit, texts);
  }

  /** What to send for a unit on one link; undefined: not before the link has answered. */
  plan(unit: PostgresUnit, statements: LinkStatements, busy: boolean): Plan | undefined {
    if (!unit.named && unit.front === undefined) return unit;
    this.#names ??= new Map();
    if (unit.extent === 'open') return busy ? undefined : handOver(unit, this.#names);
    return new BatchPlanner(this.#names, statements, this.#accepted).plan(unit, busy);
  }

  /** A piece of a batch that is passed on as it streams by. */
  streams(unit: PostgresUnit): void {
    if (unit.shape === 'extended' && !unit.cut) this.#unnamed = unnamedAfter(unit.bytes, this.#unnamed);
  }

  /** What will be in it is not read: it gets the session's own statements under their own names. */
  #open(unit: PostgresUnit): Intent {
    const before = this.#unnamed;
    if (unit.shape === 'extended') {
      unit.front = before === undefined ? CLOSE_UNNAMED : before.parse;
      unit.named = this.#names !== undefined && this.#names.size > 0;
      this.streams(unit);
    } else this.#unnamed = undefined;
    return STREAMED;
  }

  /** A text that is run at once. DEALLOCATE of a name that only the proxy knows is answered here. */
  #text(bytes: Buffer, texts: TextClassifier): Intent {
    const intent = texts.classify(bytes);
    return intent.kind === 'session' && this.#deallocated(bytes) ? DEALLOCATED : intent;
  }

  /** Forgets what a text deallocates; true if it is a name that only the proxy knows. */
  #deallocated(text: Buffer): boolean {
    if (this.#names === undefined || this.#names.size === 0) return false;
    const name = deallocates(text);
    if (name === ALL) this.#names.clear();
    else if (name !== undefined) return this.#names.delete(name);
    return false;
  }

  /** The messages of an extended batch, up to its Sync. */
  #batch(unit: PostgresUnit, texts: TextClassifier): Intent {
    const batch = new BatchReader(unit, texts, this.#names, this.#unnamed);
    const intent = batch.read();
    if (batch.closes) this.#unnamed = undefined;
    else if (batch.unnamed !== undefined) this.#unnamed = batch.unnamed;
    unit.text = batch.text;
    unit.named = batch.named;
    unit.front = batch.front;
    if (batch.single && intent.kind === 'session' && this.#deallocated(batch.text)) return DEALLOCATED;
    if (!batch.named || batch.text.length > 0) return intent;
    this.#names ??= new Map();
    return onlyNames(unit.bytes, this.#names, this.#accepted) ? KNOWN : intent;
  }

  /** A unit is answered by the proxy: what it says of the session's names is kept. */
  keep(unit: PostgresUnit): void {
    if (!unit.named) return;
    this.#names ??= new Map();
    keepNames(unit.bytes, this.#names);
  }

  /** Of texts that depend on these facts; the same one while nothing of them changes. */
  #classifier(facts: SessionFacts): TextClassifier {
    const texts = this.#texts;
    const isSame = this.#factsOf === facts.settings && texts?.facts.catalogue === facts.catalogue;
    if (texts !== undefined && isSame) return texts;
    const value = (name: string, shown: string): string | undefined =>
      facts.settings.values.get(name) ?? facts.greeting.parameters.get(shown);
    this.#factsOf = facts.settings;
    this.#texts = new TextClassifier({
      standardConformingStrings:
        value('standard_conforming_strings', 'standard_conforming_strings') !== 'off',
      encoding: value('client_encoding', 'client_encoding') ?? 'UTF8',
      serializable:
        facts.settings.values.get('default_transaction_isolation')?.toLowerCase() === 'serializable',
      catalogue: facts.catalogue,
      lists: facts.functions,
      route: facts.settings.values.get('pointsman.route'),
    });
    return this.#texts;
  }
}

/** A batch larger than the limit, or sent with Flush: passed on as it streams by, unread. */
const STREAMED = unitIntent('write', 'U04', 'larger than the limit, or sent with Flush', { audit: true });
const FUNCTION_CALL = unitIntent('write', 'F01', 'function call protocol', { audit: true });
/** Statements that a server has accepted before, prepared under another name or in another session. */
const KNOWN = unitIntent('session', 'P05', 'prepare', { here: true });
const DEALLOCATED = unitIntent('session', 'P04', 'DEALLOCATE', { here: true });
