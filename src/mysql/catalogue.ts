import type { Catalogue } from '../core/catalogue.ts';

/** What the names of a whole server mean. */
export interface CatalogueView {
  /** Differs for catalogues that differ; not 0. */
  readonly id: number;
  /** Is it a base table of an engine that replicates and whose rows are its own? */
  plain(schema: string, table: string): boolean;
  /** Is it anything at all? */
  known(schema: string, table: string): boolean;
  /** Has any schema a stored function of this name, in lower case? */
  hasFunction(name: string): boolean;
  /** Some stored code takes locks or sets variables for the session, or nobody has read it. */
  readonly routinesLock: boolean;
  /** There are stored functions. */
  readonly hasFunctions: boolean;
  /** There are triggers that leave something behind in the session that fires them. */
  readonly firesAny: boolean;
  /** May a change of what has this name, in any schema, fire one? Of a view nobody knows. */
  fires(name: string): boolean;
  /** Is it a procedure that makes, drops and renames nothing but temporary tables? */
  settled(name: string): boolean;
  /** What the server says its version is; '' if nobody has asked. */
  readonly version: string;
}

export interface CatalogueNames {
  readonly tables: readonly { readonly schema: string; readonly name: string; readonly plain: boolean }[];
  /** Names of stored functions, of all schemas. */
  readonly functions: readonly string[];
  readonly routinesLock: boolean;
  /** Tables with triggers that leave locks or variables behind. */
  readonly firing: readonly string[];
  /** Procedures that do not change what names mean. */
  readonly settled: readonly string[];
  /** Names of tables differ by case (lower_case_table_names = 0). */
  readonly caseCounts: boolean;
  readonly version: string;
}

const catalogues = new WeakMap<Catalogue, CatalogueView>();
let lastId = 0;

/** A name cannot hold the byte between the two. */
const key = (schema: string, table: string): string => `${schema}\0${table}`;

/** What a catalogue is made of: plain data. Names are folded as the server compares them. */
interface Content {
  readonly caseCounts: boolean;
  readonly plain: ReadonlySet<string>;
  readonly others: ReadonlySet<string>;
  readonly functions: ReadonlySet<string>;
  readonly firing: ReadonlySet<string>;
  readonly views: ReadonlySet<string>;
  readonly settled: ReadonlySet<string>;
  readonly routinesLock: boolean;
  readonly version: string;
}

const contents = new WeakMap<Catalogue, Content>();

const folding = (caseCounts: boolean): ((text: string) => string) =>
  caseCounts ? (text) => text : (text) => text.toLowerCase();

export function catalogueOf(names: CatalogueNames): Catalogue {
  const fold = folding(names.caseCounts);
  const plain = new Set<string>();
  const others = new Set<string>();
  for (const table of names.tables) {
    (table.plain ? plain : others).add(key(fold(table.schema), fold(table.name)));
  }
  const lower = (texts: readonly string[]): Set<string> => new Set(texts.map((text) => text.toLowerCase()));
  return unpacked({
    caseCounts: names.caseCounts,
    plain,
    others,
    functions: lower(names.functions),
    firing: lower(names.firing),
    views: lower(names.tables.filter((table) => !table.plain).map(({ name }) => name)),
    settled: lower(names.settled),
    routinesLock: names.routinesLock,
    version: names.version,
  } satisfies Content);
}

/** What a catalogue says as plain data; not for an assumed one. */
export function packed(catalogue: Catalogue): unknown {
  const content = contents.get(catalogue);
  if (content === undefined) throw new Error('a catalogue that nobody has read');
  return content;
}

/** The catalogue that was packed, in this process or another one. */
export function unpacked(data: unknown): Catalogue {
  const content = data as Content;
  const { plain, others, functions, firing, views, settled } = content;
  const fold = folding(content.caseCounts);
  // Two tables whose names are folded to one another: not where names are compared so.
  const isPlain = (name: string): boolean => plain.has(name) && !others.has(name);
  const catalogue = sealed({
    plain: (schema, table) => isPlain(key(fold(schema), fold(table))),
    known: (schema, table) => {
      const name = key(fold(schema), fold(table));
      return plain.has(name) || others.has(name);
    },
    hasFunction: (name) => functions.has(name),
    routinesLock: content.routinesLock,
    hasFunctions: functions.size > 0,
    firesAny: firing.size > 0,
    fires: (name) => firing.size > 0 && (firing.has(name) || views.has(name)),
    settled: (name) => settled.has(name),
    version: content.version,
  });
  contents.set(catalogue, content);
  return catalogue;
}

/**
 * For questions asked without a server: every relation is a plain table, and there are no stored functions.
 * `taken` is told of each relation.
 */
export function assumedCatalogue(taken: (name: string) => void = () => {}): Catalogue {
  return sealed({
    plain: (schema, table) => {
      taken(schema === '' ? table : `${schema}.${table}`);
      return true;
    },
    known: () => true,
    hasFunction: () => false,
    routinesLock: true,
    hasFunctions: false,
    firesAny: false,
    fires: () => false,
    settled: () => true,
    version: '',
  });
}

/** What a catalogue says. Throws for one that another engine made. */
export function viewOf(catalogue: Catalogue): CatalogueView {
  const view = catalogues.get(catalogue);
  if (view === undefined) throw new Error('a catalogue that this engine has not made');
  return view;
}

function sealed(view: Omit<CatalogueView, 'id'>): Catalogue {
  lastId++;
  const catalogue = Object.freeze({}) as Catalogue;
  catalogues.set(catalogue, { ...view, id: lastId });
  return catalogue;
}
