/**
 * Extensions whose functions keep their promise: what they declare IMMUTABLE or STABLE has no effect. All
 * others count as effects, whatever they declare (a STABLE function of tablefunc runs the SQL it is given).
 */
const TRUSTED = [
  'btree_gin',
  'btree_gist',
  'citext',
  'cube',
  'earthdistance',
  'fuzzystrmatch',
  'hstore',
  'intarray',
  'isn',
  'ltree',
  'pg_trgm',
  'pgcrypto',
  'postgis',
  'seg',
  'unaccent',
  'uuid-ossp',
  'vector',
];

/**
 * Asks the primary what the names of one database mean; rows of (kind, name) for `catalogueOf`. Objects from
 * 16384 on are the users' (access/transam.h: FirstNormalObjectId). One name stands for all objects of that
 * name in all schemas, so that no search_path can make it mean another one.
 */
export const CATALOGUE_QUERY = `
WITH RECURSIVE
space AS (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
trusted AS (
  SELECT d.objid AS oid FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_extension e ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = e.oid
   WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.deptype = 'e'
     AND e.extname IN (${TRUSTED.map((name) => `'${name}'`).join(', ')})),
proc AS (
  SELECT p.oid, p.proname, p.pronargs, p.pronargdefaults,
         p.provolatile <> 'v' AND (p.oid < 16384 OR p.oid IN (SELECT oid FROM trusted)) AS safe
    FROM pg_catalog.pg_proc p
   WHERE p.prorettype NOT IN ('pg_catalog.trigger'::pg_catalog.regtype, 'pg_catalog.event_trigger'::pg_catalog.regtype)),
operator AS (
  SELECT o.oid, o.oprname FROM pg_catalog.pg_operator o JOIN proc p ON p.oid = o.oprcode
   WHERE o.oid >= 16384 AND NOT p.safe),
checked AS (
  SELECT contypid AS oid FROM pg_catalog.pg_constraint WHERE contypid <> 0 AND contype = 'c' AND contypid >= 16384
  UNION
  SELECT t.oid FROM pg_catalog.pg_type t JOIN checked c ON t.typbasetype = c.oid),
relation AS (
  SELECT c.oid, c.relname, c.relkind, c.relpersistence, c.relrowsecurity, c.relhasrules,
         c.relam = 0 OR EXISTS (SELECT FROM pg_catalog.pg_am a WHERE a.oid = c.relam AND a.amname = 'heap') AS heap
    FROM pg_catalog.pg_class c
   WHERE c.relnamespace IN (SELECT oid FROM space) AND c.relkind IN ('r', 'p', 'm', 'v', 'f', 'S')),
tree AS (
  SELECT inhparent AS top, inhrelid AS part FROM pg_catalog.pg_inherits
  UNION
  SELECT t.top, i.inhrelid FROM tree t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.part),
plain AS (
  SELECT r.oid, r.relname,
         r.relkind IN ('r', 'p', 'm') AND r.relpersistence = 'p' AND r.heap AND NOT r.relrowsecurity
         AND (r.relkind = 'm' OR NOT r.relhasrules)
         AND NOT EXISTS (
           SELECT FROM tree t JOIN pg_catalog.pg_class c ON c.oid = t.part
             LEFT JOIN pg_catalog.pg_am a ON a.oid = c.relam
            WHERE t.top = r.oid AND (c.relkind NOT IN ('r', 'p', 'i', 'I') OR c.relpersistence <> 'p'
              OR c.relkind = 'r' AND a.amname IS DISTINCT FROM 'heap')) AS yes
    FROM relation r),
noise AS (
  SELECT oid FROM relation WHERE relkind NOT IN ('r', 'p') OR relrowsecurity OR relhasrules
  UNION ALL SELECT tgrelid FROM pg_catalog.pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT attrelid FROM pg_catalog.pg_attribute WHERE atttypid IN (SELECT oid FROM checked)
  UNION ALL
  SELECT d.adrelid FROM pg_catalog.pg_attrdef d
   WHERE pg_catalog.pg_get_expr(d.adbin, d.adrelid) ~ 'set_config|advisory' OR EXISTS (
     SELECT FROM pg_catalog.pg_depend x WHERE x.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND x.objid = d.oid
        AND x.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND x.refobjid IN (SELECT oid FROM proc WHERE NOT safe))
  UNION ALL
  SELECT c.conrelid FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_depend x
      ON x.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND x.objid = c.oid
   WHERE c.conrelid <> 0 AND x.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
     AND x.refobjid IN (SELECT oid FROM proc WHERE NOT safe)
  UNION ALL
  SELECT i.indrelid FROM pg_catalog.pg_index i JOIN pg_catalog.pg_depend x
      ON x.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND x.objid = i.indexrelid
   WHERE x.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND x.refobjid IN (SELECT oid FROM proc WHERE NOT safe)),
reach AS (
  SELECT inhrelid AS of_oid, inhparent AS by_oid FROM pg_catalog.pg_inherits
  UNION ALL
  SELECT conrelid, confrelid FROM pg_catalog.pg_constraint
   WHERE contype = 'f' AND (confdeltype IN ('c', 'n', 'd') OR confupdtype IN ('c', 'n', 'd'))),
loud AS (
  SELECT oid FROM noise
  UNION
  SELECT r.by_oid FROM loud l JOIN reach r ON r.of_oid = l.oid)
SELECT 'table' AS kind, relname::text AS name FROM plain GROUP BY relname HAVING pg_catalog.bool_and(yes)
UNION ALL
SELECT 'other', relname::text FROM plain GROUP BY relname HAVING NOT pg_catalog.bool_and(yes)
UNION ALL
SELECT 'quiet', relname::text FROM relation GROUP BY relname HAVING pg_catalog.bool_and(oid NOT IN (SELECT oid FROM loud))
UNION ALL
SELECT DISTINCT CASE WHEN pg_catalog.bool_and(safe) THEN 'function' ELSE 'effect' END, proname::text
  FROM proc WHERE oid >= 16384 GROUP BY proname
UNION ALL
SELECT DISTINCT 'attribute', proname::text FROM proc
 WHERE oid >= 16384 AND NOT safe AND pronargs >= 1 AND pronargs - pronargdefaults <= 1
UNION ALL
SELECT DISTINCT 'attribute', p.proname::text FROM pg_catalog.pg_proc p
 WHERE p.oid >= 16384 AND p.provariadic <> 0 AND p.oid IN (SELECT oid FROM proc WHERE NOT safe)
UNION ALL
SELECT DISTINCT 'operator', oprname::text FROM operator
UNION ALL
SELECT DISTINCT 'domain', t.typname::text FROM pg_catalog.pg_type t JOIN checked c ON c.oid = t.oid
UNION ALL
SELECT 'type', t.typname::text FROM pg_catalog.pg_type t
 WHERE t.oid >= 16384 AND t.typelem = 0 AND t.typtype IN ('b', 'd', 'e', 'c', 'r', 'm')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid AND c.relkind <> 'c')
 GROUP BY t.typname
HAVING pg_catalog.bool_and(t.typtype IN ('b', 'e') OR t.typtype = 'd' AND t.oid NOT IN (SELECT oid FROM checked)
   AND EXISTS (SELECT FROM pg_catalog.pg_type b WHERE b.oid = t.typbasetype AND b.typtype IN ('b', 'e')))
UNION ALL
SELECT 'hidden', 'a cast' WHERE EXISTS (
  SELECT FROM pg_catalog.pg_cast c JOIN proc p ON p.oid = c.castfunc WHERE c.oid >= 16384 AND NOT p.safe)
UNION ALL
SELECT 'hidden', 'an operator class' WHERE EXISTS (
  SELECT FROM pg_catalog.pg_amop a JOIN operator o ON o.oid = a.amopopr) OR EXISTS (
  SELECT FROM pg_catalog.pg_amproc a JOIN proc p ON p.oid = a.amproc WHERE a.oid >= 16384 AND NOT p.safe)
UNION ALL
SELECT DISTINCT 'hidden', 'operator ' || oprname FROM operator
 WHERE oprname IN ('=', '<>', '<', '>', '<=', '>=', '~~', '!~~', '~~*', '!~~*')
`.trim();
