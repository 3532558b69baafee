import type { FunctionLists } from '../core/function-lists.ts';
import type { PinReason } from '../core/intent.ts';
import { ACTING, COERCING, HARMLESS, isKnownBuiltin, LEAVING, SINGLE, STEADY, TYPES } from './builtins.ts';
import type { CatalogueView } from './catalogue.ts';
import type { RuleId } from './rules.ts';
import { CONSTRUCTS } from './words.ts';

/** What stands in the way of a read, and what it may leave in the session. */
export interface Obstacle {
  readonly rule: RuleId;
  readonly detail: string;
  /** Users' code may run, which may change what only the server can tell. */
  readonly audit?: boolean;
  readonly pin?: PinReason;
  /** It tells what an earlier statement did on the same connection. */
  readonly looksBack?: boolean;
  /** The name is not in the catalogue at all. */
  readonly unknown?: boolean;
}

const LOOKING_BACK = new Set(['currval', 'lastval']);

/** Judges names: undefined means known to have no effect. */
export class NameJudge {
  readonly #catalogue: CatalogueView | undefined;
  readonly #lists: FunctionLists;

  constructor(catalogue: CatalogueView | undefined, lists: FunctionLists) {
    this.#catalogue = catalogue;
    this.#lists = lists;
  }

  /** A call of `parts` (schema and name, or name); `construct`: it may also be a keyword of the grammar. */
  call(parts: readonly string[], construct: boolean): Obstacle | undefined {
    const name = parts.at(-1) ?? '';
    const listed = this.#listed(parts);
    if (listed !== undefined)
      return listed === 'allow' ? undefined : { rule: 'W14', detail: name, audit: true };
    const own = parts.length === 2 && parts[0] === 'pg_catalog';
    if (parts.length === 1 || own) {
      if (LOOKING_BACK.has(name)) return { rule: 'W05', detail: name, audit: true, looksBack: true };
      const user = own ? undefined : this.#userCall(name, construct);
      if (user !== undefined) return user;
      if (construct && CONSTRUCTS.has(name)) return undefined;
      return this.#builtin(name, own);
    }
    return this.#qualified(parts, name);
  }

  /** A name behind a dot, which may be a column or a function of what stands before it. */
  attribute(name: string): Obstacle | undefined {
    const listed = this.#listed([name]);
    if (listed !== undefined)
      return listed === 'allow' ? undefined : { rule: 'W14', detail: name, audit: true };
    if (this.#catalogue === undefined) return { rule: 'U03', detail: name };
    if (this.#catalogue.attributes.has(name)) return { rule: 'W10', detail: name, audit: true };
    const single = SINGLE.has(name) || name.startsWith('pg_') || name.startsWith('lo_');
    return single && !STEADY.has(name) && !HARMLESS.has(name) ? effect(name) : undefined;
  }

  relation(parts: readonly string[]): Obstacle | undefined {
    const name = parts.at(-1) ?? '';
    const schema = parts.at(-2) ?? '';
    const detail = parts.join('.');
    if (schema.startsWith('pg_temp')) return { rule: 'W08', detail, audit: true };
    if (name.startsWith('pg_') || schema === 'information_schema' || schema.startsWith('pg_')) {
      return { rule: 'W09', detail };
    }
    if (this.#catalogue === undefined) return { rule: 'U03', detail, audit: true };
    if (this.#catalogue.tables.has(name)) return undefined;
    return { rule: 'W08', detail, audit: true, unknown: !this.#catalogue.others.has(name) };
  }

  /** A change of this relation runs no code of the users. */
  isQuiet(name: string): boolean {
    return this.#catalogue?.quiet.has(name) ?? false;
  }

  /** A type that something is converted to. */
  type(parts: readonly string[]): Obstacle | undefined {
    const name = parts.at(-1) ?? '';
    const detail = parts.join('.');
    if (this.#catalogue?.domains.has(name) === true) return { rule: 'W11', detail, audit: true };
    if ((parts.length === 1 || parts[0] === 'pg_catalog') && TYPES.has(name)) return undefined;
    if (this.#catalogue?.types.has(name) === true) return undefined;
    return { rule: 'W11', detail, audit: true, unknown: true };
  }

  isDomain(name: string): boolean {
    return this.#catalogue?.domains.has(name) ?? false;
  }

  operator(text: string): Obstacle | undefined {
    if (this.#catalogue === undefined) return { rule: 'U03', detail: text };
    return this.#catalogue.operators.has(text) ? { rule: 'W10', detail: text, audit: true } : undefined;
  }

  /** Code that can run without being named. */
  hidden(): Obstacle | undefined {
    const hidden = this.#catalogue?.hidden ?? '';
    return hidden === '' ? undefined : { rule: 'W10', detail: hidden, audit: true };
  }

  #listed(parts: readonly string[]): 'allow' | 'deny' | undefined {
    const { allow, deny } = this.#lists;
    if (allow.size === 0 && deny.size === 0) return undefined;
    const name = parts.at(-1) ?? '';
    const full = parts.join('.');
    if (deny.has(name) || deny.has(full)) return 'deny';
    return allow.has(name) || allow.has(full) ? 'allow' : undefined;
  }

  /** A name without schema may mean a user's function, even if a builtin one has the same name. */
  #userCall(name: string, construct: boolean): Obstacle | undefined {
    if (this.#catalogue === undefined) {
      return construct && CONSTRUCTS.has(name) ? undefined : { rule: 'U03', detail: name, audit: true };
    }
    return this.#catalogue.effects.has(name) ? { rule: 'W10', detail: name, audit: true } : undefined;
  }

  #builtin(name: string, own: boolean): Obstacle | undefined {
    if (STEADY.has(name) || HARMLESS.has(name) || TYPES.has(name)) return undefined;
    if (COERCING.has(name)) {
      if (this.#catalogue?.checks === false) return undefined;
      return { rule: 'W11', detail: name, audit: true };
    }
    if (isKnownBuiltin(name)) return effect(name);
    if (!own && this.#catalogue?.functions.has(name) === true) return undefined;
    return { rule: 'W07', detail: name, audit: true, unknown: true };
  }

  #qualified(parts: readonly string[], name: string): Obstacle | undefined {
    const detail = parts.join('.');
    if (this.#catalogue?.effects.has(name) === true) return { rule: 'W10', detail, audit: true };
    if (parts.length === 2 && this.#catalogue?.functions.has(name) === true) return undefined;
    return { rule: 'W07', detail, audit: true, unknown: true };
  }
}

/** A function of pg_catalog that is not allowed. */
function effect(name: string): Obstacle {
  if (name === 'pg_advisory_lock' || name === 'pg_advisory_lock_shared') {
    return { rule: 'W05', detail: name, pin: 'advisory-lock' };
  }
  // The state of random() goes on from it, on this connection only, and no question shows it.
  if (name === 'setseed') return { rule: 'W05', detail: name, pin: 'session-setting' };
  const acting = ACTING.has(name) || name.startsWith('lo_') || name.includes('advisory');
  return { rule: acting ? 'W05' : 'W06', detail: name, audit: LEAVING.has(name) };
}
