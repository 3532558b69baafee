import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import {
  closeStatement,
  execute,
  initDb,
  longData,
  ping,
  prepare,
  query,
  resetConnection,
  resetStatement,
  setOption,
} from '../../../support/mysql-commands.ts';
import { MysqlWire } from '../../../support/mysql-recorder.ts';
import { assertNothingLeft, primaryOf } from '../../../support/mysql-sameness.ts';
import { need } from '../../../support/need.ts';
import type { ConnectionFacts, Stage } from '../../../support/stage.ts';
import { type Flavour, sessionStage } from './suite.ts';

/** As many links as sessions: they change hands all the time, and no session waits for another's transaction. */
const SESSIONS = 3;
/** How long to look, in ms; the machine's speed decides how many lives that is. */
const BUDGET = Number(process.env['POINTSMAN_BUDGET_MS'] ?? 12_000);

const texts = [
  ...['BEGIN', 'COMMIT', 'ROLLBACK', 'ROLLBACK TO s', 'RELEASE SAVEPOINT s'],
  ...['COMMIT AND CHAIN', 'SET autocommit=0', 'SET autocommit=1', 'BEGIN', 'COMMIT'],
  ...[
    'SET TRANSACTION ISOLATION LEVEL READ COMMITTED',
    'SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE',
  ],
  ...[
    'SELECT 1',
    'SELECT COUNT(*) FROM demo.own_#',
    'SELECT k, v FROM demo.own_# ORDER BY k',
    'SELECT * FROM own',
    'SELEKT',
    '',
  ],
  ...[
    "INSERT INTO demo.own_# (v) VALUES ('x')",
    "INSERT INTO demo.own_# (v) VALUES ('y'), ('z')",
    "INSERT INTO demo.own_# VALUES (1#000, 'one')",
  ],
  ...[
    "UPDATE demo.own_# SET v = 'changed'",
    'DELETE FROM demo.own_# WHERE k > 3',
    'SELECT LAST_INSERT_ID()',
    'SELECT ROW_COUNT()',
  ],
  'SELECT LAST_INSERT_ID(#00)',
  ...[
    "SET time_zone='+0#:00'",
    'SET time_zone=DEFAULT',
    'SELECT @@time_zone',
    'SET NAMES latin1 COLLATE latin1_german1_ci',
  ],
  ...[
    'SET NAMES utf8mb4',
    "SELECT @@collation_connection, 'x'",
    "SET sql_mode='ANSI_QUOTES'",
    "SET sql_mode=''",
    'SELECT "v" FROM own',
  ],
  ...['USE other', 'USE demo', 'SELECT DATABASE()', 'USE nowhere', 'SET @a = #', 'SELECT @a'],
  ...[
    'CREATE TEMPORARY TABLE IF NOT EXISTS mine (a INT)',
    'INSERT INTO mine VALUES (#)',
    'SELECT * FROM mine',
    'DROP TEMPORARY TABLE IF EXISTS mine',
  ],
  ...[
    "SELECT GET_LOCK('lock-#', 0)",
    "SELECT RELEASE_LOCK('lock-#')",
    'SELECT RELEASE_ALL_LOCKS()',
    'LOCK TABLES demo.own_# WRITE',
    'UNLOCK TABLES',
  ],
  ...["PREPARE q FROM 'SELECT #'", 'EXECUTE q', 'DEALLOCATE PREPARE q', 'SELECT 1; SELECT 2'],
];

const commands: readonly (readonly Buffer[])[] = [
  [prepare('SELECT v, ? FROM own')],
  [prepare('SELECT CONCAT(?, @@time_zone)')],
  [execute(1, ['a'])],
  [execute(1, [7])],
  [execute(1, [null])],
  [execute(1, ['b'], { types: false })],
  [longData(2, 0, 'long'), execute(2, [['long']])],
  [execute(2, [null])],
  [resetStatement(1)],
  [closeStatement(1), ping],
  [initDb('other')],
  [initDb('demo')],
  [setOption(0)],
  [setOption(1)],
  [resetConnection],
  [ping],
  [query("SELECT CAST('x' AS SIGNED)"), query('SHOW WARNINGS'), query('SELECT @@warning_count')],
  [query('BEGIN'), query('SAVEPOINT s')],
  [query('START TRANSACTION READ ONLY'), query('SELECT * FROM demo.own'), query('COMMIT')],
];

/** One thing that a session does; `undefined`: it leaves, and another takes its place. */
type Act = { readonly bytes: (session: number) => readonly Buffer[] } | undefined;

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.constantFrom(...texts).map((text) => ({
      bytes: (session: number) => [query(text.replaceAll('#', String(session)))],
      toString: () => text,
    })),
  },
  {
    weight: 5,
    arbitrary: fc.nat(commands.length - 1).map((at) => ({
      bytes: () => commands[at] ?? [],
      toString: () => `command ${at}`,
    })),
  },
  { weight: 1, arbitrary: fc.constant(undefined) },
);
const history = fc.array(fc.record({ session: fc.nat(SESSIONS - 1), act }), { minLength: 10, maxLength: 50 });
type History = typeof history extends fc.Arbitrary<infer Value> ? Value : never;

/** One seat: a session and, after it has left, the next one. */
class Seat {
  readonly #door: ConnectionFacts;
  readonly #number: number;
  readonly #heard: string[] = [];
  #client: MysqlWire | undefined;

  constructor(door: ConnectionFacts, number: number) {
    this.#door = door;
    this.#number = number;
  }

  async does(does: Act): Promise<void> {
    if (does === undefined) return this.leave();
    this.#client ??= await MysqlWire.open(this.#door);
    this.#client.note(`> ${String(does)}`);
    await this.#client.ask(...does.bytes(this.#number));
  }

  async leave(): Promise<void> {
    this.#heard.push(...(this.#client?.heard ?? []), 'left');
    await this.#client?.close();
    this.#client = undefined;
  }

  async story(): Promise<string[]> {
    await this.leave();
    return this.#heard;
  }
}

async function lived(door: ConnectionFacts, acts: History): Promise<string[][]> {
  const seats = Array.from({ length: SESSIONS }, (_, number) => new Seat(door, number));
  const stories: string[][] = [];
  try {
    for (const { session, act: does } of acts) await seats[session]?.does(does);
  } finally {
    for (const seat of seats) stories.push(await seat.story());
  }
  return stories;
}

function suite(flavour: Flavour): void {
  let stage: Stage;
  before(async () => {
    stage = await sessionStage(flavour, SESSIONS);
    for (let number = 0; number < SESSIONS; number++) {
      await asSuperuser(`CREATE TABLE own_${number} (k INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20))`);
    }
  });
  after(() => stage?.close());

  const asSuperuser = (text: string) => stage.cluster.query(primaryOf(stage), text);

  async function empty(): Promise<void> {
    for (let number = 0; number < SESSIONS; number++) await asSuperuser(`TRUNCATE own_${number}`);
    await asSuperuser(`INSERT INTO neighbours (v) VALUES (${marks++})`);
    const [{ n = 0 } = {}] = await asSuperuser('SELECT MAX(k) AS n FROM neighbours');
    // A session that begins may read from any node.
    for (const { id } of stage.cluster.nodes.slice(1)) {
      while (
        Number((await stage.cluster.query(id, 'SELECT MAX(k) AS n FROM neighbours'))[0]?.['n']) < Number(n)
      );
    }
  }
  let marks = 0;

  test('sessions that share links in any order are told what each would be told alone', async () => {
    const alike = fc.asyncProperty(history, async (acts) => {
      await empty();
      const direct = await lived(stage.direct(primaryOf(stage)), acts);
      await empty();
      const through = await lived(stage.proxied, acts);
      assert.deepEqual(through, direct);
      await assertNothingLeft(stage, SESSIONS);
    });
    const seed = process.env['POINTSMAN_SEED'];
    await fc.assert(alike, {
      numRuns: Math.round(BUDGET / 60),
      interruptAfterTimeLimit: BUDGET,
      ...(seed === undefined ? {} : { seed: Number(seed) }),
    });
  });
}

describe('histories on mysql', { skip: need('mysqld') }, () => suite('mysql'));
describe('histories on mariadb', { skip: need('mariadbd') }, () => suite('mariadb'));
