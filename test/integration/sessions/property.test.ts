import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { type Proxied, startProxied } from '../../support/proxied.ts';
import { assertNothingLeft } from '../../support/sameness.ts';
import {
  bind,
  close,
  type Door,
  describe,
  execute,
  parse,
  query,
  run,
  shown,
  sync,
  type Told,
  WireClient,
} from '../../support/wire-recorder.ts';

/** As many links as sessions: they change hands all the time, and no session waits for another's transaction. */
const SESSIONS = 3;
/** How long to look, in ms; the machine's speed decides how many lives that is. */
const BUDGET = Number(process.env['POINTSMAN_BUDGET_MS'] ?? 12_000);

let proxied: Proxied;
before(async () => {
  proxied = await startProxied({ pool: { size: SESSIONS } });
  for (let number = 0; number < SESSIONS; number++) {
    await proxied.prepare(
      `CREATE TABLE own_${number} (k int PRIMARY KEY, v text)`,
      `GRANT ALL ON own_${number} TO demo`,
    );
  }
  await proxied.prepare(
    'CREATE ROLE other',
    'GRANT other TO demo',
    'CREATE TABLE common (a int)',
    'GRANT SELECT ON common TO demo',
  );
});
after(() => proxied.close());

/** One thing that a session does; `undefined`: it leaves, and another takes its place. */
type Act = { readonly bytes: (session: number) => Buffer } | undefined;

const texts = [
  ...[
    'BEGIN',

    'COMMIT',
    'ROLLBACK',
    'SAVEPOINT s',
    'ROLLBACK TO s',
    'RELEASE s',
    'COMMIT AND CHAIN',
  ],
  ...[
    'SELECT 1',
    'SELECT count(*) FROM own_#',
    'SELECT v FROM own_# ORDER BY k',
    'SELECT * FROM common',
    'SELECT 1/0',
    'SELEKT',
    '',
  ],
  ...[
    "INSERT INTO own_# SELECT coalesce(max(k), 0) + 1, 'x' FROM own_#",
    'INSERT INTO own_# VALUES (1)',
    'DELETE FROM own_#',
  ],
  ...[
    "SET TimeZone TO 'Asia/Tokyo'",
    "SET LOCAL TimeZone TO 'UTC'",
    'RESET TimeZone',
    'SHOW TimeZone',
    "SET DateStyle TO 'SQL, DMY'",
  ],
  ...[
    "SET app.tenant TO 'tenant-#'",
    "SELECT set_config('app.tenant', 'set-' || '#', false)",
    'RESET app.tenant',
    'RESET ALL',
  ],
  ...[
    "SELECT coalesce(current_setting('app.tenant', true), '')",
    "SELECT date '2024-12-31', '01/02/2024'::date",
  ],
  ...[
    'SET ROLE other',
    'RESET ROLE',
    'SELECT current_user, session_user',
    'SET search_path TO other_#, public',
    'SHOW search_path',
  ],
  ...[
    'CREATE TEMP TABLE IF NOT EXISTS mine (a int)',
    'INSERT INTO mine VALUES (#)',
    'SELECT * FROM mine',
    'DISCARD ALL',
    'DISCARD TEMP',
  ],
  ...[
    'SELECT pg_advisory_lock(#)',
    'SELECT pg_advisory_unlock(#)',
    'SELECT 1; SELECT 2',
    'ROLLBACK; SELECT 3',
    "SET work_mem TO '#3MB'; SELECT 1/0",
  ],
  ...[
    "BEGIN; SET work_mem TO '#4MB'; COMMIT",
    'SHOW work_mem',
    "DO $$ BEGIN PERFORM set_config('app.tenant', 'do-#', true); END $$",
  ],
  ...[
    'PREPARE q AS SELECT #',
    'EXECUTE q',
    'DEALLOCATE q',
    'DEALLOCATE ALL',
    'DECLARE c CURSOR WITH HOLD FOR SELECT #',
    'FETCH c',
    'CLOSE c',
  ],
];

const dated = "SELECT '2024-12-31'::date, $1::text";
const batchesOf: readonly (readonly Buffer[])[] = [
  [parse('a', 'SELECT $1::int + 1')],
  [parse('a', dated)],
  [bind('', 'a', ['4']), describe('P', ''), execute()],
  [close('S', 'a')],
  [parse('b', dated), bind('', 'b', ['7']), execute()],
  [close('S', 'b'), parse('b', 'SELEKT')],
  [bind('', 'b', ['8']), execute()],
  [run('SELECT $1', 'x'), run('SELECT 1/0'), run('SELECT 2')],
  [run('BEGIN')],
  [run('COMMIT')],
  [run("SELECT set_config('app.tenant', $1, false)", 'bound')],
  [parse('', 'SELECT $1::int * 2'), bind('', '', ['2']), execute()],
  [bind('', '', ['3']), execute()],
  [],
];

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.constantFrom(...texts).map((text) => ({
      bytes: (session: number) => query(text.replaceAll('#', String(session))),
      toString: () => text,
    })),
  },
  {
    weight: 6,
    arbitrary: fc.nat(batchesOf.length - 1).map((at) => ({
      bytes: () => Buffer.concat([...(batchesOf[at] ?? []), sync]),
      toString: () => `batch ${at}`,
    })),
  },
  { weight: 1, arbitrary: fc.constant(undefined) },
);
const history = fc.array(fc.record({ session: fc.nat(SESSIONS - 1), act, waits: fc.boolean() }), {
  minLength: 10,
  maxLength: 40,
});
type History = typeof history extends fc.Arbitrary<infer Value> ? Value : never;

/**
 * What is compared: parameters may be told more often, and a transaction that has failed refuses in the words of
 * whatever the server was asked first, which may be a Parse of the proxy's.
 */
function heard(told: readonly Told[]): string[] {
  let status = 'I';
  const words: string[] = [];
  for (const one of told) {
    if (one.type === 'Z') status = one.body.toString();
    if (one.type !== 'S') words.push(one.type === 'E' && status === 'E' ? 'E refused' : shown(one));
  }
  return words;
}

/** One seat: a session and, after it has left, the next one. */
class Seat {
  readonly #door: Door;
  readonly #number: number;
  readonly #heard: string[] = [];
  #client: WireClient | undefined;
  #owed = 0;

  constructor(door: Door, number: number) {
    this.#door = door;
    this.#number = number;
  }

  async does(does: Act, waits: boolean): Promise<void> {
    if (does === undefined) return this.leave();
    this.#client ??= await WireClient.open(this.#door);
    this.#client.send(does.bytes(this.#number));
    this.#owed++;
    if (waits) await this.#hear();
  }

  async #hear(): Promise<void> {
    await this.#client?.ready(this.#owed);
    this.#owed = 0;
  }

  async leave(): Promise<void> {
    await this.#hear();
    this.#heard.push(...heard(this.#client?.told ?? []), 'left');
    await this.#client?.close();
    this.#client = undefined;
  }

  async story(): Promise<string[]> {
    await this.leave();
    return this.#heard;
  }
}

async function lived(door: Door, acts: History): Promise<string[][]> {
  const seats = Array.from({ length: SESSIONS }, (_, number) => new Seat(door, number));
  for (const { session, act: does, waits } of acts) await seats[session]?.does(does, waits);
  const stories: string[][] = [];
  for (const seat of seats) stories.push(await seat.story());
  return stories;
}

test('sessions that share links in any order are told what each would be told alone', async () => {
  const tables = Array.from({ length: SESSIONS }, (_, number) => `own_${number}`).join(', ');
  const alike = fc.asyncProperty(history, async (acts) => {
    await proxied.prepare(`TRUNCATE ${tables}`);
    const direct = await lived(proxied.direct, acts);
    await proxied.prepare(`TRUNCATE ${tables}`);
    await proxied.replayed();
    const through = await lived(proxied.through, acts);
    assert.deepEqual(through, direct);
    await assertNothingLeft(proxied, SESSIONS);
  });
  const seed = process.env['POINTSMAN_SEED'];
  await fc.assert(alike, {
    numRuns: Math.round(BUDGET / 60),
    interruptAfterTimeLimit: BUDGET,
    ...(seed === undefined ? {} : { seed: Number(seed) }),
  });
});
