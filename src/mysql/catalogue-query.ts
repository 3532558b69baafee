import type { Catalogue } from '../core/catalogue.ts';
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

/**
 * What leaves something behind of which trackers say nothing: locks, and user variables that INTO and := set (seen on
 * MySQL 9.7 and MariaDB 10.11). `@@` is no user variable, `@%` part of a pattern.
 */
const LEAVES = 'lock|execute|(^|[^@])@[^@%]';
/** What changes the meaning of names for others: temporary tables do not. */
const DEFINES = '(^|[^a-z0-9_$])(create|drop|alter|rename)[^a-z0-9_$](?![[:space:]]*temporary)|execute';

/** (name, kind, leaves, defines, calls): all routines; whether they may leave locks or variables, or change names. */
export const ROUTINES_QUERY = `
SELECT ROUTINE_NAME, ROUTINE_TYPE, IFNULL(LOWER(ROUTINE_DEFINITION) REGEXP '${LEAVES}', 1),
       IFNULL(LOWER(ROUTINE_DEFINITION) REGEXP '${DEFINES}', 1),
       IFNULL(LOWER(ROUTINE_DEFINITION) REGEXP 'call', 1)
  FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA <> 'sys'`.trim();

/** (table, leaves, calls): all triggers; whether they may leave locks or variables, or name a routine. */
export const TRIGGERS_QUERY = `
SELECT EVENT_OBJECT_TABLE, IFNULL(LOWER(ACTION_STATEMENT) REGEXP '${LEAVES}', 1),
       IFNULL(EXISTS (SELECT 1 FROM information_schema.ROUTINES
                       WHERE ROUTINE_SCHEMA <> 'sys'
                         AND LOCATE(LOWER(ROUTINE_NAME), LOWER(ACTION_STATEMENT)) > 0), 1)
  FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA <> 'sys'`.trim();

/** From the rows of the three queries, as text or numbers. */
export function readCatalogue(
  tables: readonly Row[],
  routines: readonly Row[],
  triggers: readonly Row[],
): Catalogue {
  const isSet = (value: Row[number] | undefined): boolean => Number(value) !== 0;
  const routinesLock = routines.some(([, , leaves]) => isSet(leaves));
  const procedures = routines.filter(([, kind]) => kind !== 'FUNCTION');
  const someDefine = procedures.some(([, , , itself]) => isSet(itself));
  const defines = ([, , , itself, calls]: Row): boolean => isSet(itself) || (someDefine && isSet(calls));
  return catalogueOf({
    tables: tables.map(([schema, name, plain]) => ({
      schema: String(schema),
      name: String(name),
      plain: Number(plain) === 1,
    })),
    functions: routines.filter(([, kind]) => kind === 'FUNCTION').map(([name]) => String(name)),
    routinesLock,
    firing: triggers
      .filter(([, leaves, calls]) => isSet(leaves) || (routinesLock && isSet(calls)))
      .map(([table]) => String(table)),
    settled: procedures.filter((row) => !defines(row)).map(([name]) => String(name)),
    caseCounts: Number(tables[0]?.[3] ?? 1) === 1,
    version: String(tables[0]?.[4] ?? ''),
  });
}
