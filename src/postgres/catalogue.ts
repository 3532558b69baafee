import type { Catalogue } from '../core/catalogue.ts';
import { CATALOGUE_QUERY } from './catalogue-query.ts';

export { CATALOGUE_QUERY };

interface Names {
  has(name: string): boolean;
}

/**
 * What the names of one database mean. Names are the server's own: lower case unless they were quoted. A name
 * counts for all objects of that name in all schemas but the system's.
 */
export interface CatalogueView {
  /** Differs for catalogues that differ; not 0. */
  readonly id: number;
  /** Logged heap tables and materialized views without row security and rules, with such parts only. */
  readonly tables: Names;
  /** Relations that are something else: views, foreign and unlogged tables, sequences, …. */
  readonly others: Names;
  /** Tables of which a change calls no function of the users: no trigger, no rule, no policy, no such default. */
  readonly quiet: Names;
  /** Users' functions that are known to have no effect. */
  readonly functions: Names;
  /** Users' functions that may have one. */
  readonly effects: Names;
  /** Those of them that can be called without parentheses, as `row.name`. */
  readonly attributes: Names;
  readonly operators: Names;
  /** Domains that check what is converted to them. */
  readonly domains: Names;
  readonly checks: boolean;
  /** Users' types that convert without calling a user's function. */
  readonly types: Names;
  /** Something that can run users' code without a name in the statement; '' if there is none. */
  readonly hidden: string;
}

export interface CatalogueRow {
  readonly kind: string;
  readonly name: string;
}

const catalogues = new WeakMap<Catalogue, CatalogueView>();
let lastId = 0;

/** From the rows of `CATALOGUE_QUERY`. */
export function catalogueOf(rows: readonly CatalogueRow[]): Catalogue {
  const of = (kind: string): ReadonlySet<string> =>
    new Set(rows.filter((row) => row.kind === kind).map((row) => row.name));
  const domains = of('domain');
  return sealed({
    tables: of('table'),
    others: of('other'),
    quiet: of('quiet'),
    functions: of('function'),
    effects: of('effect'),
    attributes: of('attribute'),
    operators: of('operator'),
    domains,
    checks: domains.size > 0,
    types: of('type'),
    hidden: rows.find((row) => row.kind === 'hidden')?.name ?? '',
  });
}

/**
 * For questions asked without a server: every relation is a plain table, and the users have defined nothing.
 * `taken` is told of each relation.
 */
export function assumedCatalogue(taken: (name: string) => void = () => {}): Catalogue {
  const none: Names = new Set<string>();
  const all: Names = { has: () => true };
  const tables: Names = {
    has: (name) => {
      taken(name);
      return true;
    },
  };
  return sealed({
    tables,
    others: none,
    quiet: all,
    functions: none,
    effects: none,
    attributes: none,
    operators: none,
    domains: none,
    checks: false,
    types: none,
    hidden: '',
  });
}

/** What a catalogue says. Throws for one that another engine made. */
export function viewOf(catalogue: Catalogue): CatalogueView {
  const view = catalogues.get(catalogue);
  if (view === undefined) throw new Error('a catalogue that was not made by catalogueOf');
  return view;
}

/** What a catalogue says as plain data; not for an assumed one. */
export function packed(catalogue: Catalogue): unknown {
  const { id: _id, ...content } = viewOf(catalogue);
  return content;
}

/** The catalogue that was packed, in this process or another one. */
export function unpacked(data: unknown): Catalogue {
  return sealed(data as Omit<CatalogueView, 'id'>);
}

function sealed(view: Omit<CatalogueView, 'id'>): Catalogue {
  lastId++;
  const catalogue = Object.freeze({}) as Catalogue;
  catalogues.set(catalogue, { ...view, id: lastId });
  return catalogue;
}
