import type { Flavour } from './servers.ts';

/** A reproducible source of choices (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  one<T>(of: readonly [T, ...T[]]): T {
    return of[this.below(of.length)] ?? of[0];
  }

  chance(of: number): boolean {
    return this.next() < of;
  }
}

/** What traps act on. Every effect shows: a row in `log`, a number taken from `s`, `@trap`, the lock or the id. */
export function trapObjects(flavour: Flavour): readonly string[] {
  const objects = [
    'CREATE TABLE log (id int AUTO_INCREMENT PRIMARY KEY)',
    'CREATE TABLE t (id int PRIMARY KEY, a int, b text)',
    'CREATE TABLE u (id int PRIMARY KEY, a int)',
    'CREATE TABLE `order` (id int PRIMARY KEY, a int)',
    "INSERT INTO t VALUES (1, 1, 'x'), (2, 2, 'y')",
    'INSERT INTO u VALUES (1, 1)',
    'INSERT INTO `order` VALUES (1, 1)',
    'CREATE FUNCTION trap() RETURNS int NOT DETERMINISTIC MODIFIES SQL DATA BEGIN INSERT INTO log VALUES (); RETURN 1; END',
    'CREATE FUNCTION `lateral`() RETURNS int NOT DETERMINISTIC MODIFIES SQL DATA BEGIN INSERT INTO log VALUES (); RETURN 1; END',
    'CREATE FUNCTION `count`() RETURNS int NOT DETERMINISTIC MODIFIES SQL DATA BEGIN INSERT INTO log VALUES (); RETURN 1; END',
    'CREATE PROCEDURE p() BEGIN INSERT INTO log VALUES (); END',
    'CREATE VIEW v AS SELECT trap() AS id, 1 AS a',
    'CREATE VIEW `é` AS SELECT trap() AS id, 1 AS a',
    'CREATE VIEW `window` AS SELECT trap() AS id, 1 AS a',
  ];
  return flavour === 'mysql'
    ? objects
    : [
        ...objects,
        'CREATE SEQUENCE s NOCACHE',
        'CREATE TABLE d (id int DEFAULT nextval(s), a int)',
        'INSERT INTO d VALUES (0, 1)',
      ];
}

/** Every trap of the specification's tables as a text that acts, if a server takes it. */
export const TRAPS: readonly string[] = [
  'SELECT trap()',
  'SELECT demo.trap()',
  'SELECT `demo`.`trap`()',
  'SELECT trap ()',
  'SELECT count ()',
  'SELECT `lateral` ()',
  'SELECT lateral ()',
  'SELECT * FROM v',
  'SELECT * FROM t, v',
  'TABLE v',
  'SELECT * FROM `é`',
  'SELECT * FROM é',
  'SELECT * FROM demo.v',
  'SELECT * FROM.`v`',
  'SELECT * FROM .v',
  'SELECT * FROM t JOIN v USING (a)',
  'SELECT * FROM (t, v)',
  'SELECT * FROM t AS `order` JOIN u ON order.a = 1, v',
  'SELECT * FROM t JOIN u ON t.a = 1 , `window`',
  'SELECT * FROM t window, v',
  'SELECT * FROM t offset, v',
  'SELECT * FROM t USE INDEX FOR ORDER BY (PRIMARY), v',
  'SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM v)',
  'WITH v AS (SELECT * FROM v) SELECT * FROM v',
  'WITH x AS (SELECT 1) SELECT * FROM x, v',
  'SELECT * FROM (WITH v AS (SELECT 1) SELECT * FROM v) d, v',
  'SELECT 1 UNION SELECT a FROM v',
  'EXPLAIN ANALYZE SELECT trap()',
  'ANALYZE SELECT trap()',
  'ANALYZE FORMAT=JSON SELECT * FROM v',
  'EXPLAIN SELECT * FROM (SELECT trap()) d',
  'ANALYZE TABLE t',
  'SELECT @trap := 1',
  'SELECT 1 INTO @trap',
  'SELECT a INTO @trap FROM t LIMIT 1',
  'SELECT /*!50001 trap() */',
  'SELECT 1 /*!50001 , trap() */',
  'SELECT 1 /*!99999 , trap() */',
  'SELECT 1 /*!80000 , trap() */',
  'SELECT 1 /*!50701 , trap() */',
  'SELECT 1 /*M! , trap() */',
  'SELECT 1 /*M!100100 , trap() */',
  'SELECT 1 /*!50701 -- */ , trap() -- x',
  "SELECT 1 /*!50701 AS ' */ , trap() -- '",
  'SELECT 1 /*!50701 /* */ , trap() -- */',
  "SELECT 1 /*!99999 /* */ ' */ , trap() -- ' */",
  "SELECT '\\', trap() , ' #'",
  'SELECT "\\", trap() , " #"',
  'SELECT "a" , trap() , "',
  'SELECT 5--1 , trap()',
  'SELECT 5 --1 , trap()',
  'SELECT 5 -- \n , trap()',
  'SELECT 5 # \n , trap()',
  'SELECT 5 # \r , trap()',
  "SELECT GET_LOCK('trap', 0)",
  "SELECT GET_LOCK ('trap', 0)",
  "SELECT `get_lock`('trap', 0)",
  "DO GET_LOCK('trap', 0)",
  'SELECT LAST_INSERT_ID(77)',
  'SELECT 1; INSERT INTO log VALUES ()',
  'SELECT 1;;SET @trap = 1',
  'CALL p()',
  'DO trap()',
  'SET @trap = 1',
  'SET sql_mode = (SELECT trap())',
  'SHOW TABLES WHERE trap()',
  'FLUSH TABLES',
  'FLUSH LOCAL TABLES t',
  'SELECT NEXTVAL(s)',
  'SELECT NEXT VALUE FOR s',
  'SELECT SETVAL(s, 1000, 0)',
  'SELECT s.nextval',
  'SELECT DEFAULT(id) FROM d',
  'SET STATEMENT max_statement_time = 9 FOR SELECT trap()',
  "EXECUTE IMMEDIATE 'SELECT trap()'",
  'BEGIN NOT ATOMIC CALL p(); END',
  'HANDLER t OPEN',
  'TRUNCATE log',
  'CREATE TABLE IF NOT EXISTS made (a int)',
  'CREATE TEMPORARY TABLE IF NOT EXISTS hidden (a int)',
  'OPTIMIZE TABLE t',
  "SELECT /*+ SET_VAR(sql_mode = '') */ trap()",
  'SELECT /*+ QB_NAME(`*/ , trap() -- `) */ 1',
  'SELECT /*+ QB_NAME(`*/ trap() -- `) */ , 1',
  'SELECT 1 -- /*!50001 \n , trap() -- */',
  'SELECT 1e1, trap()',
  'SELECT 1.e1, trap()',
  'SELECT 0x61, trap()',
  'SELECT t.a, trap() FROM t',
  'SELECT EXTRACT(YEAR FROM (SELECT trap()))',
  'SELECT SUBSTRING((SELECT a FROM v) FROM 1)',
  "SELECT j.a FROM JSON_TABLE((SELECT JSON_ARRAY(trap())), '$[*]' COLUMNS (a int PATH '$')) j",
  '(SELECT trap())',
  '((SELECT 1) UNION (SELECT a FROM v))',
  'VALUES ROW(trap())',
  'VALUES (trap())',
  'SELECT * FROM t ORDER BY trap() LIMIT 1',
  'SELECT MAX(a) FROM t GROUP BY trap() HAVING 1',
  'SELECT CASE WHEN trap() THEN 1 END',
  'SELECT IF(trap(), 1, 2)',
  'SELECT SUM(a) OVER (ORDER BY trap()) FROM t',
];

const ACTS: readonly [string, ...string[]] = [
  'trap()',
  'demo.trap()',
  '`trap`()',
  "GET_LOCK('trap',0)",
  'get_lock(0x74726170,0)',
  '@trap:=1',
  '(SELECT a FROM v LIMIT 1)',
  'LAST_INSERT_ID(77)',
  'NEXTVAL(s)',
  '(NEXT VALUE FOR s)',
  'EXISTS (SELECT 1 FROM t, v)',
];

const TAILS: readonly [string, ...string[]] = [
  ' INTO @trap',
  ' FROM t, v',
  ' FROM v',
  ' FROM t JOIN v ON 1',
  '; SET @trap=1',
  '; INSERT INTO log VALUES ()',
  ' UNION SELECT a FROM v',
  ' UNION SELECT trap()',
];

const PLAIN: readonly [string, ...string[]] = [
  '1',
  "'a'",
  '"a"',
  '`a`',
  'a',
  '0x61',
  "x'61'",
  "N'a'",
  "_utf8mb4'a'",
  '1e1',
  '.5',
  '-1',
  'NULL',
  "'a''b'",
  "'a\\'b'",
  '"a\\"b"',
  '"a""b"',
  'NOW()',
  'NOW ()',
  'CONCAT("a",\'b\')',
  "'\\\\'",
  '"\\\\"',
  '\\N',
  't.a',
  '`t`.`a`',
  'COUNT(*)',
  'COUNT (*)',
  '(SELECT 1)',
  "'é'",
  '@@version',
  'CAST(1 AS CHAR(5))',
  "SUBSTRING('abc' FROM 2 FOR 1)",
];

const BITS: readonly [string, ...string[]] = [
  ' ',
  '\n',
  '\t',
  '/**/',
  '/*!',
  '/*!50001 ',
  '/*!99999 ',
  '/*!80000 ',
  '/*M! ',
  '/*M!100100 ',
  '/*!50701 ',
  '/*+ ',
  '*/',
  '--',
  '-- ',
  '--\n',
  '#',
  '#\n',
  '\r',
  "'",
  '"',
  '`',
  '\\',
  ';',
  ',',
  '(',
  ')',
  '.',
  '@',
  '1',
  'e1',
  'x',
  '$$',
  '{',
  '\u00a0',
  '\u0001',
  'AS ',
  '*',
  '/',
  '-',
];

/** Makes texts of which each server may or may not run the part that acts. */
export class TrapWriter {
  readonly #dice: Dice;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  text(): string {
    const dice = this.#dice;
    const items: string[] = [];
    const count = 1 + dice.below(4);
    for (let item = 0; item < count; item++) items.push(this.#item(2));
    let text = `SELECT ${this.#gap()}${items.join(`${this.#gap()},${this.#gap()}`)}`;
    text += dice.chance(0.5) ? this.#from() : '';
    if (dice.chance(0.25)) text += this.#wrapped(dice.one(TAILS));
    if (dice.chance(0.1)) text = `/*!50001 ${text} */`;
    if (dice.chance(0.1)) text = `(${text})`;
    const bits = dice.chance(0.5) ? dice.below(4) : 0;
    for (let bit = 0; bit < bits; bit++) text = this.#disturbed(text);
    return text;
  }

  #item(depth: number): string {
    const dice = this.#dice;
    const item = dice.chance(0.3) ? dice.one(ACTS) : dice.one(PLAIN);
    return depth > 0 && dice.chance(0.5) ? this.#wrapped(this.#item(depth - 1)) : item;
  }

  #from(): string {
    const dice = this.#dice;
    const table = (): string =>
      dice.one(['t', 'u', 'demo.t', '`order`', '(SELECT 1 a) d', 't AS x', 'u `from`', 'v', 'é']);
    let text = `${this.#gap()} FROM ${this.#gap()}${table()}`;
    const joins = dice.below(3);
    for (let join = 0; join < joins; join++) {
      text += dice.one([
        ` JOIN ${table()} USING (a)`,
        `, ${table()}`,
        ` LEFT JOIN (${table()}) ON 1`,
        ` USE INDEX (PRIMARY)`,
        ` NATURAL JOIN ${table()}`,
        ` STRAIGHT_JOIN ${table()}`,
        `${this.#gap()},${this.#gap()}${table()}`,
      ]);
    }
    return text + dice.one(['', '', ' WHERE 1', ' ORDER BY 1', ' LIMIT 1', ' GROUP BY 1', ' FOR UPDATE']);
  }

  /** Something around it that hides it from some readers. */
  #wrapped(text: string): string {
    const inner = this.#dice.chance(0.3) ? `${this.#dice.one(BITS)}${text}` : text;
    return this.#dice.one([
      `/*!50001 ${inner} */`,
      `1 /*!99999 , ${inner} */`,
      `1 /*!80000 , ${inner} */`,
      `1 /*M!100100 , ${inner} */`,
      `1 /*M! , ${inner} */`,
      `/* ${inner} */ 1`,
      `1 -- ${inner}\n`,
      `1 --${inner}\n`,
      `1 # ${inner}\n`,
      `'${inner}'`,
      `'\\', ${inner} #'\n`,
      `"${inner}"`,
      `"\\", ${inner} #"\n`,
      `'\\\\', ${inner} #'\n`,
      `'a' '${inner}'`,
      `1 \`${inner}\``,
      `1 AS \`\\\`, ${inner}`,
      `(${inner})`,
      `(SELECT ${inner})`,
      `${inner}`,
      `CONCAT(${inner})`,
      `IF(1, ${inner}, 2)`,
      `1 /*+ ${inner} */`,
      `1 "a" , ${inner}`,
    ]);
  }

  #gap(): string {
    const dice = this.#dice;
    return dice.one(['', ' ', ' ', '\n', '/**/', '/* x */', '-- x\n', '#\n', '/*! */', '/*!50001 */', '\t']);
  }

  #disturbed(text: string): string {
    const at = this.#dice.below(text.length);
    const cut = this.#dice.chance(0.3) ? 1 + this.#dice.below(2) : 0;
    return text.slice(0, at) + this.#dice.one(BITS) + text.slice(at + cut);
  }
}
