import type { FunctionLists } from '../core/function-lists.ts';
import type { PinReason } from '../core/intent.ts';
import { ACTING, ASKING, LOCKING } from './builtins.ts';
import type { CatalogueView } from './catalogue.ts';
import type { RuleId } from './rules.ts';
import { CONSTRUCTS, LOOSE } from './words.ts';

/** What the names in a statement are held against. */
export interface NameFacts {
  readonly catalogue: CatalogueView | undefined;
  readonly lists: FunctionLists;
  /** The functions that the server itself has and that have no effect. */
  readonly builtins: ReadonlySet<string>;
  /** The schema of names without one; '' if none is chosen. */
  readonly schema: string;
}

/** What stands in the way of a read, and what it may leave in the session. */
export interface Obstacle {
  readonly rule: RuleId;
  readonly detail: string;
  readonly pin?: PinReason;
  /** It tells what an earlier statement did on the same connection. */
  readonly looksBack?: boolean;
  /** The name is not in the catalogue at all. */
  readonly unknown?: boolean;
}

/** Answers differ by server; ROUTINES and TABLES do not show them to all. */
const SYSTEM_SCHEMAS = new Set(['mysql', 'information_schema', 'performance_schema', 'sys']);

/** A call as it is written. */
export interface Call {
  /** In lower case: schema and name, or name. */
  readonly parts: readonly string[];
  /** Not quoted. */
  readonly word: boolean;
  /** White space stands before the parenthesis: some names then mean a stored function. */
  readonly gap: boolean;
  /** Nothing stands in the parenthesis. */
  readonly empty: boolean;
}

/** Judges names: undefined means known to have no effect. */
export class NameJudge {
  readonly #facts: NameFacts;

  constructor(facts: NameFacts) {
    this.#facts = facts;
  }

  call(call: Call): Obstacle | undefined {
    const { parts } = call;
    const name = parts.at(-1) ?? '';
    const detail = parts.join('.');
    const listed = this.#listed(name, detail);
    if (listed === 'deny') return { rule: 'W14', detail, ...this.#lock() };
    const { catalogue, builtins } = this.#facts;
    if (parts.length === 1) {
      if (name === 'get_lock') return { rule: 'W05', detail, pin: 'advisory-lock' };
      if (LOCKING.has(name)) return { rule: 'W05', detail, pin: 'session-state' };
      if (name === 'last_insert_id' && call.empty && !this.#stored(name)) return undefined;
      if (call.word && CONSTRUCTS.has(name)) return this.#stored(name) ? stored(detail) : undefined;
    }
    if (listed === 'allow') return undefined;
    if (parts.length > 1) return this.#qualified(name, detail);
    if (catalogue?.hasFunction(name) === true) return { ...stored(detail), ...this.#lock() };
    if (builtins.has(name)) return call.gap && catalogue === undefined ? { rule: 'U03', detail } : undefined;
    if (call.word && LOOSE.has(name)) return catalogue === undefined ? { rule: 'U03', detail } : undefined;
    if (ACTING.has(name)) return { rule: 'W05', detail };
    if (ASKING.has(name)) return asking(name);
    return { rule: 'W07', detail, unknown: true, ...this.#lock(true) };
  }

  /** The item of a FROM clause: schema and name, or name, as written. */
  relation(parts: readonly string[]): Obstacle | undefined {
    const name = parts.at(-1) ?? '';
    const schema = parts.length > 1 ? (parts.at(-2) ?? '') : this.#facts.schema;
    const detail = parts.join('.');
    if (SYSTEM_SCHEMAS.has(schema.toLowerCase())) return { rule: 'W09', detail };
    const { catalogue } = this.#facts;
    if (catalogue === undefined || parts.length > 2) return { rule: 'U03', detail };
    if (schema !== '' || parts.length > 1) {
      if (catalogue.plain(schema, name)) return undefined;
      return { rule: 'W08', detail, unknown: !catalogue.known(schema, name) };
    }
    return { rule: 'U03', detail };
  }

  /** Stored code that runs here may leave locks behind that no tracker tells of. */
  #lock(unknown = false): Pick<Obstacle, 'pin'> {
    return unknown || this.#facts.catalogue?.routinesLock !== false ? { pin: 'advisory-lock' } : {};
  }

  #stored(name: string): boolean {
    return this.#facts.catalogue?.hasFunction(name) === true;
  }

  #qualified(name: string, detail: string): Obstacle {
    const known = this.#stored(name);
    return { rule: known ? 'W10' : 'W07', detail, unknown: !known, ...this.#lock(!known) };
  }

  #listed(name: string, full: string): 'allow' | 'deny' | undefined {
    const { allow, deny } = this.#facts.lists;
    if (allow.size === 0 && deny.size === 0) return undefined;
    if (deny.has(name) || deny.has(full)) return 'deny';
    return allow.has(name) || allow.has(full) ? 'allow' : undefined;
  }
}

/** What an earlier statement of the session has left on its link. LASTVAL: MariaDB's sequences. */
const LOOKS_BACK = new Set(['found_rows', 'row_count', 'lastval']);

const stored = (detail: string): Obstacle => ({ rule: 'W10', detail });

const asking = (name: string): Obstacle => ({
  rule: 'W06',
  detail: name,
  looksBack: LOOKS_BACK.has(name),
});
