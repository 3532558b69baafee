/** Numbers from 0 to below 1 that a seed decides (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Random = () => number;
type Make = (random: Random, depth: number) => string;

const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

const SPACES = [
  ' ',
  ' ',
  ' ',
  '\n',
  '\t',
  ' /* c */ ',
  ' -- c\n',
  ' # c\n',
  ' /*! */ ',
  '/**/',
  ' /*+ x */ ',
  ' --\t\n',
];
const TABLES = [
  'plain',
  'other',
  'demo.plain',
  '`plain`',
  'writing',
  'deep',
  '`demo`.`writing`',
  'written',
  'nowhere',
  'counter',
  '"plain"',
  'dual',
  'information_schema.tables',
];
const VALUES = [
  '1',
  "'a'",
  '"b"',
  "'a''b'",
  "'a\\'b'",
  "'\\\\'",
  "'--'",
  "'/*'",
  "'*/'",
  '`id`',
  'id',
  'v',
  'NULL',
  '0x41',
  "x'41'",
  "b'1'",
  "N'n'",
  "_utf8mb4'u'",
  '@x',
  '@@port',
  '@@session.sql_mode',
  '1e3',
  '.5',
  '-- \n1',
  "'\u4e2d\\'",
  '?',
];
/** Names and how many arguments they take. */
const FUNCTIONS: readonly (readonly [string, number])[] = [
  ['writes', 0],
  ['writes', 0],
  ['demo.writes', 0],
  ['`writes`', 0],
  ['WRITES', 0],
  ['COUNT', 1],
  ['MAX', 1],
  ['CONCAT', 2],
  ['NOW', 0],
  ['RAND', 0],
  ['UUID', 0],
  ['IF', 3],
  ['COALESCE', 2],
  ['ABS', 1],
  ['LAST_INSERT_ID', 0],
  ['LAST_INSERT_ID', 1],
  ['ROW_COUNT', 0],
  ['FOUND_ROWS', 0],
  ['RELEASE_ALL_LOCKS', 0],
  ['CONNECTION_ID', 0],
  ['DATABASE', 0],
  ['JSON_OBJECT', 2],
  ['unknown_one', 1],
  ['LOAD_FILE', 1],
  ['MD5', 1],
  ['NEXTVAL', 1],
];

const expression: Make = (random, depth) => {
  const turn = random();
  if (depth <= 0 || turn < 0.45) return pick(random, VALUES);
  if (turn < 0.75) return call(random, depth);
  if (turn < 0.85) return `(${select(random, depth - 1)})`;
  if (turn < 0.92) return `(@x := ${expression(random, depth - 1)})`;
  return `${expression(random, depth - 1)} ${pick(random, ['+', '=', '||', 'AND', '<>', '<=>', 'LIKE'])} ${expression(random, depth - 1)}`;
};

const call: Make = (random, depth) => {
  const [name, count] = pick(random, FUNCTIONS);
  const values = Array.from({ length: count }, () => expression(random, depth - 1)).join(', ');
  return `${name}${random() < 0.1 ? pick(random, SPACES) : ''}(${values})`;
};

const list: Make = (random, depth) =>
  Array.from({ length: 1 + Math.floor(random() * 2) }, () => expression(random, depth)).join(', ');

const TAILS = [
  ' LIMIT 1',
  ' ORDER BY 1',
  ' FOR UPDATE',
  ' LOCK IN SHARE MODE',
  ' INTO @x',
  " INTO OUTFILE '/nowhere/x'",
  ' FOR SHARE SKIP LOCKED',
  ' PROCEDURE ANALYSE()',
];

const select: Make = (random, depth) => {
  const space = pick(random, SPACES);
  const what = random() < 0.2 ? '1' : list(random, depth);
  const from = random() < 0.8 ? ` FROM ${source(random, depth)}` : '';
  const where = random() < 0.3 ? ` WHERE ${expression(random, depth)}` : '';
  const head = pick(random, [
    'SELECT',
    'SELECT',
    'SELECT',
    'select',
    'SELECT DISTINCT',
    'SELECT SQL_CALC_FOUND_ROWS',
    'SELECT SQL_NO_CACHE',
  ]);
  return `${head}${space}${what}${from}${where}${random() < 0.15 ? pick(random, TAILS) : ''}`;
};

const source: Make = (random, depth) => {
  const turn = random();
  if (depth <= 0 || turn < 0.7) return pick(random, TABLES);
  if (turn < 0.85) return `(${select(random, depth - 1)}) AS d`;
  return `${source(random, depth - 1)} ${pick(random, ['JOIN', ',', 'LEFT JOIN', 'NATURAL JOIN'])} ${pick(random, TABLES)}`;
};

const write: Make = (random, depth) =>
  pick(random, [
    `INSERT INTO written (v) VALUES (${expression(random, depth)})`,
    `INSERT INTO written (v) ${select(random, depth)}`,
    `UPDATE plain SET v = ${expression(random, depth)} WHERE id = 1`,
    'DELETE FROM written WHERE id = 1',
    `REPLACE INTO other (id, v) VALUES (1, ${expression(random, depth)})`,
    'DO writes()',
    `SET @x = ${expression(random, depth)}`,
    'COMMIT',
    'ROLLBACK',
    'BEGIN',
    'START TRANSACTION READ ONLY',
    'SET autocommit = 0',
    'SET autocommit = 1',
    "SET sql_mode = 'ANSI_QUOTES'",
    "SET sql_mode = 'NO_BACKSLASH_ESCAPES'",
    'SET sql_mode = DEFAULT',
    'SET NAMES gbk',
    'SET NAMES utf8mb4',
    'USE demo',
    'SHOW WARNINGS',
  ]);

/** Rare: after each of them the names are looked up again, and until then nothing is known to be a read. */
const DEFINITIONS = [
  'CREATE TABLE IF NOT EXISTS made (a int)',
  'DROP TABLE IF EXISTS made',
  'CREATE OR REPLACE VIEW made_view AS SELECT writes() AS w',
  'TRUNCATE other',
  'CREATE TEMPORARY TABLE IF NOT EXISTS tmp (a int)',
  'DROP TEMPORARY TABLE IF EXISTS tmp',
  'FLUSH TABLES',
  'ANALYZE TABLE plain',
  'CALL call_writes()',
];

/** Reads without a doubt, until part of one is disguised. */
const plainRead = (random: Random): string =>
  pick(random, [
    'SELECT id, v FROM plain',
    "SELECT v FROM other WHERE id = 1 OR v = 'x''y'",
    "SELECT COUNT(*), MAX(id) FROM plain WHERE v LIKE 'a%'",
    'SELECT CONCAT(p.v, o.v) FROM plain p JOIN demo.other o ON o.id = p.id',
    '(SELECT id FROM plain) UNION (SELECT id FROM other) ORDER BY 1 LIMIT 3',
    'WITH w AS (SELECT id FROM plain) SELECT * FROM w',
    'SELECT "a", `v` FROM `demo`.`plain` -- the end',
    "SELECT 1 /* c */ + 1, 'it is -- not # a comment' FROM plain",
  ]);

/** Puts part of a text where a reader may take it for a comment, or for code. */
function disguised(random: Random, text: string): string {
  const at = Math.floor(random() * (text.length + 1));
  const to = at + Math.floor(random() * (text.length - at + 1));
  const [open, close] = pick(random, [
    ['/*!', '*/'],
    ['/*!50001 ', ' */'],
    ['/*!99999 ', ' */'],
    ['/*!100100 ', ' */'],
    ['/*M! ', ' */'],
    ['/*M!100100 ', ' */'],
    ['/* ', ' */'],
    ["'", "'"],
    ['"', '"'],
    ['-- ', '\n'],
    ['# ', '\n'],
    ['/*!50001 /* ', ' */ */'],
  ]) as [string, string];
  return `${text.slice(0, at)}${open}${text.slice(at, to)}${close}${text.slice(to)}`;
}

/** A statement from the dark corners of the grammar; most are read by some reader as a read. */
export function generated(random: Random): string {
  const depth = 1 + Math.floor(random() * 3);
  const turn = random();
  let text: string;
  if (turn < 0.002) text = pick(random, DEFINITIONS);
  else if (turn < 0.4) text = plainRead(random);
  else if (turn < 0.66) text = select(random, depth);
  else if (turn < 0.72)
    text = `WITH w AS (${select(random, depth)}) ${random() < 0.7 ? select(random, 1) : write(random, 1)}`;
  else if (turn < 0.78) text = `(${select(random, depth)}) UNION ${select(random, depth)}`;
  else if (turn < 0.82)
    text = `${pick(random, ['EXPLAIN ', 'EXPLAIN ANALYZE ', 'ANALYZE ', 'DESCRIBE ', 'TABLE ', 'VALUES '])}${select(random, depth)}`;
  else if (turn < 0.86)
    text = `${select(random, depth)}; ${random() < 0.5 ? write(random, 1) : select(random, 1)}`;
  else text = write(random, depth);
  if (random() < 0.25) text = disguised(random, text);
  if (random() < 0.1) text = `${pick(random, SPACES)}${text}`;
  return text;
}
