import assert from 'node:assert/strict';
import { query, setOption } from './mysql-commands.ts';
import { type How, MysqlWire } from './mysql-recorder.ts';
import type { ConnectionFacts, Stage } from './stage.ts';

/** What a client does, from its log-in to its goodbye. */
export type Script = (client: MysqlWire) => Promise<void>;

/** Links to each node: as many as the pool of `stageOf` has. */
export const LINKS = 2;

/** Every packet a script is told, in words. */
async function record(door: ConnectionFacts, script: Script, how: How = {}): Promise<string[]> {
  const client = await MysqlWire.open(door, how);
  try {
    await script(client);
  } catch (error) {
    throw new Error(`${String(error)}; told so far: ${client.heard.slice(-8).join(' | ')}`);
  } finally {
    await client.close();
  }
  return client.heard;
}

/** The primary's name on a stage where none was lost. */
export const primaryOf = (stage: Stage): string => stage.cluster.nodes[0]?.id ?? '';

/** The script is told the same through the proxy, among busy neighbours, as directly; and leaves nothing behind. */
export async function assertSame(stage: Stage, script: Script, how: How = {}): Promise<void> {
  const direct = await record(stage.direct(primaryOf(stage)), script, how);
  const neighbours = await Neighbours.move(stage.proxied);
  let through: string[];
  try {
    through = await record(stage.proxied, script, how);
  } finally {
    await neighbours.leave();
  }
  assert.deepEqual(through, direct);
  await assertNothingLeft(stage);
}

/** What other sessions have set, each something else. */
const HABITS: readonly (readonly Buffer[])[] = [
  [
    query("SET NAMES latin1 COLLATE latin1_german1_ci, sql_mode='ANSI_QUOTES,NO_BACKSLASH_ESCAPES'"),
    query("SET time_zone='+09:00', div_precision_increment=6"),
  ],
  [query('USE other'), setOption(0), query('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE')],
  [query("SET autocommit=0, lc_time_names='de_DE', sql_safe_updates=1")],
];
/** What they do all the time. */
const LIVES: readonly (readonly string[])[] = [
  ['INSERT INTO neighbours (v) VALUES (1), (2)', "SELECT CAST('x' AS SIGNED)", 'SELECT 1'],
  ['SELECT SQL_CALC_FOUND_ROWS * FROM neighbours LIMIT 1', 'SELECT nothing', 'SELECT * FROM own'],
  ['UPDATE neighbours SET v=v+1 WHERE k=1', 'SELECT v FROM neighbours WHERE k=1', 'COMMIT'],
];
/** A session that keeps its link to its end, and is followed by another one. */
const SHORT = ['SET @a=1, @b=2', 'CREATE TEMPORARY TABLE tt (a INT)', "SELECT GET_LOCK('two', 0)"];

/** Sessions that keep the links busy and dirty with settings of their own. */
class Neighbours {
  readonly #clients: MysqlWire[];
  readonly #lives: Promise<void>;
  #leaving = false;

  private constructor(door: ConnectionFacts, clients: MysqlWire[]) {
    this.#clients = clients;
    this.#lives = Promise.all([
      ...clients.map((client, at) => this.#live(client, at)),
      this.#pass(door),
    ]).then(() => undefined);
    // Told when they leave.
    this.#lives.catch(() => undefined);
  }

  static async move(door: ConnectionFacts): Promise<Neighbours> {
    const clients = await Promise.all(HABITS.map(() => MysqlWire.open(door)));
    await Promise.all(HABITS.map((habits, at) => clients[at]?.ask(...habits)));
    for (const client of clients) assert.deepEqual(client.heard.filter(isError), []);
    return new Neighbours(door, clients);
  }

  /** Ends their lives; rejects if one of them was told what it did not expect. */
  async leave(): Promise<void> {
    this.#leaving = true;
    try {
      await this.#lives;
    } finally {
      await Promise.all(this.#clients.map((client) => client.close()));
    }
  }

  async #live(client: MysqlWire, number: number): Promise<void> {
    const texts = LIVES[number] ?? [];
    for (let round = 0; !this.#leaving; round++) {
      client.heard = [];
      const text = texts[round % texts.length] ?? '';
      await client.texts(text);
      const errors = client.heard.filter(isError).length;
      assert.equal(errors, text === 'SELECT nothing' ? 1 : 0, `${text}: ${client.heard.join(' | ')}`);
    }
  }

  async #pass(door: ConnectionFacts): Promise<void> {
    while (!this.#leaving) {
      await using client = await MysqlWire.open(door);
      await client.texts(...SHORT);
      assert.deepEqual(client.heard.filter(isError), []);
    }
  }
}

const isError = (words: string): boolean => / ERR /.test(words);

/** Sessions differ in these anyway. */
const OWN =
  "'timestamp','pseudo_thread_id','rand_seed1','rand_seed2','statement_id','gtid_executed','gtid_purged'," +
  "'gtid_owned','gtid_binlog_pos','gtid_binlog_state','gtid_current_pos','last_gtid','in_transaction','gtid_slave_pos'";
const TRACES: readonly string[] = [
  'SELECT LAST_INSERT_ID(), @a, @b, DATABASE()',
  'SHOW WARNINGS',
  `SHOW SESSION VARIABLES WHERE Variable_name NOT LIKE 'session_track_%' AND Variable_name NOT IN (${OWN})`,
  'SELECT * FROM tt',
  "SELECT IS_FREE_LOCK('one'), IS_FREE_LOCK('two')",
  'SELECT 1; SELECT 2',
];

async function traces(client: MysqlWire): Promise<string[]> {
  client.heard = [];
  const found: string[] = [];
  for (const text of TRACES) {
    await client.texts(text);
    found.push(...client.lastRows.map((row) => row.join('=')), ...client.heard.filter(isError));
    client.heard = [];
  }
  return found;
}

/** Fresh sessions, one on each link to the primary, find what a fresh session finds there directly. */
export async function assertNothingLeft(stage: Stage, links = LINKS): Promise<void> {
  const clients: MysqlWire[] = [];
  try {
    const direct = await MysqlWire.open(stage.direct(primaryOf(stage)));
    clients.push(direct);
    const expected = await traces(direct);
    for (let at = 0; at < links; at++) {
      const client = await MysqlWire.open(stage.proxied);
      clients.push(client);
      await client.texts('BEGIN', 'SELECT * FROM neighbours LIMIT 1 FOR UPDATE SKIP LOCKED');
      const found = await traces(client);
      // Only what differs: all of them would fill screens.
      assert.deepEqual(
        found.filter((line) => !expected.includes(line)),
        expected.length === found.length ? [] : expected.filter((line) => !found.includes(line)),
        'a fresh session finds something of another',
      );
      assert.deepEqual(found.toSorted(), expected.toSorted());
    }
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

/** Texts, one after another. */
export const asking =
  (...texts: readonly string[]): Script =>
  (client) =>
    client.texts(...texts);

/** Commands, one after another. */
export const commanding =
  (...commands: readonly Buffer[]): Script =>
  async (client) => {
    for (const bytes of commands) await client.ask(bytes);
  };

/** A script on tables that are made anew. */
export const onGround =
  (ground: readonly string[], script: Script): Script =>
  async (client) => {
    const from = client.heard.length;
    await client.texts(...ground);
    assert.deepEqual(client.heard.slice(from).filter(isError), []);
    client.heard.length = from;
    await script(client);
  };
