import type { Catalogue } from '../core/engine.ts';
import { catalogueOf } from './catalogue.ts';

type Row = readonly (string | number | null)[];

/** Engines whose tables replicate and hold their rows themselves: not MEMORY, FEDERATED, CONNECT, SPIDER, …. */
const ENGINES = "'innodb', 'myisam', 'aria', 'rocksdb', 'archive'";
const SYSTEM = "('mysql', 'information_schema', 'performance_schema', 'sys')";

/**
 * (schema, name, plain, case counts, version): all tables of the users. information_schema reads no more of a table than its
 * definition for these columns. TABLE_TYPE is also VIEW, SEQUENCE, SYSTEM VERSIONED.
 */
export const TABLES_QUERY = `
SELECT TABLE_SCHEMA, TABLE_NAME,
       TABLE_TYPE = 'BASE TABLE' AND IFNULL(LOWER(ENGINE) IN (${ENGINES}), 0),
       @@lower_case_table_names = 0, VERSION()
  FROM information_schema.TABLES WHERE TABLE_SCHEMA NOT IN ${SYSTEM}`.trim();

/** (name, kind, locks): all routines; whether they may take locks for the session that calls them. */
export const ROUTINES_QUERY = `
SELECT ROUTINE_NAME, ROUTINE_TYPE, IFNULL(LOWER(ROUTINE_DEFINITION) REGEXP 'lock|execute', 1)
  FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA <> 'sys'`.trim();

/** (locks), for triggers that may take locks for the session that fires them. */
export const TRIGGERS_QUERY = `
SELECT COUNT(*) FROM information_schema.TRIGGERS
 WHERE TRIGGER_SCHEMA <> 'sys' AND IFNULL(LOWER(ACTION_STATEMENT) REGEXP 'lock', 1)`.trim();

/** From the rows of the three queries, as text or numbers. */
export function readCatalogue(
  tables: readonly Row[],
  routines: readonly Row[],
  triggers: readonly Row[],
): Catalogue {
  return catalogueOf({
    tables: tables.map(([schema, name, plain]) => ({
      schema: String(schema),
      name: String(name),
      plain: Number(plain) === 1,
    })),
    functions: routines.filter(([, kind]) => kind === 'FUNCTION').map(([name]) => String(name)),
    routinesLock: routines.some(([, , locks]) => Number(locks) !== 0),
    triggersLock: Number(triggers[0]?.[0] ?? 0) !== 0,
    caseCounts: Number(tables[0]?.[3] ?? 1) === 1,
    version: String(tables[0]?.[4] ?? ''),
  });
}
