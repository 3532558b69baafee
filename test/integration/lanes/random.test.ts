import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { codeIn, Laned } from '../../support/laned.ts';
import { assertNothingLeft } from '../../support/sameness.ts';
import {
  bind,
  close,
  type Door,
  execute,
  parse,
  query,
  shown,
  sync,
  WireClient,
} from '../../support/wire-recorder.ts';

const SESSIONS = 6;
/** Server connections. */
const LINKS = 3;
/** How long to look, in ms; the machine's speed decides how many histories that is. */
const BUDGET = Number(process.env['POINTSMAN_BUDGET_MS'] ?? 15_000);

let laned: Laned;
before(async () => {
  laned = await Laned.start({ size: LINKS });
  for (let number = 0; number < SESSIONS; number++) {
    await laned.prepare(`CREATE TABLE own_${number} (k int, v text)`, `GRANT ALL ON own_${number} TO demo`);
  }
});
after(() => laned.close());

/** One thing that a session does. */
type Act =
  | {
      readonly kind: 'sends';
      readonly bytes: readonly Buffer[];
      readonly waits: boolean;
      readonly cancels: boolean;
    }
  | { readonly kind: 'leaves' };

/** `#` is the session's number, `%` some number. Those at the top share lanes when they are known to be short. */
const reads = [
  'SELECT v FROM kv WHERE k = %',
  'SELECT count(*) FROM kv WHERE k < %',
  'SELECT % / (% - 3)',
  'SELECT nap(%)',
  "SELECT repeat('x', % * 2000)",
  "SELECT '2024-06-01 12:00+00'::timestamptz::text, %",
  'SELECT count(*), % FROM own_#',
  "SELECT 'x%'::int",
];
const rare = [
  'SELECT nap(3%)',
  "SELECT repeat('x', 1000) FROM generate_series(1, 100%)",
  'BEGIN',
  'COMMIT',
  'ROLLBACK',
  'BEGIN READ ONLY',
  "INSERT INTO own_# VALUES (%, 'x')",
  'DELETE FROM own_#',
  "SET TimeZone TO 'Asia/Tokyo'",
  'RESET TimeZone',
  'SHOW TimeZone',
  "SET application_name TO 'app %'",
  'SHOW application_name',
  "SELECT zone('America/New_York')",
  'SELEKT %',
];
/** Where two sessions change their link on one lane one behind the other, the first loses it: so only one ever does. */
const CHANGER = 0;
const filled = (text: string, session: number, number: number): string =>
  session !== CHANGER && text.startsWith('SELECT zone')
    ? 'SHOW TimeZone'
    : text.replaceAll('#', String(session)).replaceAll('%', String(number));

const text = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...reads) },
  { weight: 2, arbitrary: fc.constantFrom(...rare) },
);
const sends = fc.record({
  texts: fc.array(
    fc.tuple(text, fc.integer({ min: 1, max: 9 }), fc.constantFrom('simple', 'unnamed', 'named')),
    {
      minLength: 1,
      maxLength: 6,
    },
  ),
  waits: fc.boolean(),
  cancels: fc.integer({ min: 0, max: 7 }).map((one) => one === 0),
});
const step = fc.record({
  session: fc.nat(SESSIONS - 1),
  act: fc.oneof({ weight: 15, arbitrary: sends }, { weight: 1, arbitrary: fc.constant(undefined) }),
});
const history = fc.array(step, { minLength: 20, maxLength: 80 });
type History = typeof history extends fc.Arbitrary<infer Value> ? Value : never;

/** The bytes of one text in one of the ways to run it. */
function unit(given: string, how: string): Buffer {
  if (how === 'simple') return query(given);
  if (how === 'unnamed') return Buffer.concat([parse('', given), bind('', ''), execute(), sync]);
  const name = `s${given.length % 3}`;
  return Buffer.concat([close('S', name), parse(name, given), bind('', name), execute(), sync]);
}

function actOf({ act, session }: History[number]): Act {
  if (act === undefined) return { kind: 'leaves' };
  const bytes = act.texts.map(([one, number, how]) => unit(filled(one, session, number), how));
  return { kind: 'sends', bytes, waits: act.waits, cancels: act.cancels };
}

/** One answer: all that is told up to a ReadyForQuery, in words. Its error may be that of a cancel request. */
interface Answer {
  readonly words: readonly string[];
  readonly cancelled: boolean;
  /** A cancel request may have hit it. */
  readonly mayBe: boolean;
}

/** One seat: a session and, after it has left, the next one. */
class Seat {
  readonly #door: Door;
  readonly #cancels: boolean;
  readonly #answers: Answer[] = [];
  #client: WireClient | undefined;
  #owed = 0;
  #mayBe = false;

  constructor(door: Door, cancels: boolean) {
    this.#door = door;
    this.#cancels = cancels;
  }

  async does(act: Act): Promise<void> {
    if (act.kind === 'leaves') {
      await this.leave();
      return;
    }
    this.#client ??= await WireClient.open(this.#door);
    this.#client.send(...act.bytes);
    this.#owed += act.bytes.length;
    if (act.cancels) {
      this.#mayBe = true;
      if (this.#cancels) await this.#client.cancel();
    }
    if (act.waits || act.cancels) await this.#hear();
  }

  async #hear(): Promise<void> {
    const client = this.#client;
    let status = 'I';
    for (; client !== undefined && this.#owed > 0; this.#owed--) {
      const told = await client.ready();
      const error = told.find(({ type }) => type === 'E');
      const words: string[] = [];
      for (const one of told) {
        // Parameters may be told more often; a failed transaction refuses in the words of what was asked first.
        if (one.type === 'Z') status = one.body.toString();
        if (one.type !== 'S') words.push(one.type === 'E' && status === 'E' ? 'E refused' : shown(one));
      }
      const cancelled = error !== undefined && codeIn(error.body) === '57014';
      this.#answers.push({ words, cancelled, mayBe: this.#mayBe });
    }
    this.#mayBe = false;
    if (client !== undefined) client.told = [];
  }

  async leave(): Promise<void> {
    await this.#hear();
    await this.#client?.close();
    this.#client = undefined;
  }

  async story(): Promise<readonly Answer[]> {
    await this.leave();
    return this.#answers;
  }
}

async function lived(door: Door, acts: History, cancels: boolean): Promise<(readonly Answer[])[]> {
  const seats = Array.from({ length: SESSIONS }, () => new Seat(door, cancels));
  // Each session goes at its own speed, in both worlds.
  await Promise.all(
    seats.map(async (seat, number) => {
      for (const one of acts) if (one.session === number) await seat.does(actOf(one));
      // What it still holds, others may wait for.
      await seat.leave();
    }),
  );
  return Promise.all(seats.map((seat) => seat.story()));
}

/** What a cancel request has hit changes what follows it: the transaction fails, a setting or a row is not there. */
function comparable(through: readonly Answer[], direct: readonly Answer[]): [string[], string[]] {
  const hit = through.findIndex(({ cancelled, mayBe }) => cancelled && mayBe);
  const end = hit < 0 ? through.length : hit;
  const words = (answers: readonly Answer[]): string[] => answers.slice(0, end).flatMap((one) => one.words);
  return [words(through), words(direct)];
}

test('sessions on lanes are told what each would be told alone', async () => {
  const tables = Array.from({ length: SESSIONS }, (_, number) => `own_${number}`).join(', ');
  let histories = 0;
  let end = Number.POSITIVE_INFINITY;
  const alike = fc.asyncProperty(history, async (acts) => {
    if (performance.now() > end) return;
    await laned.prepare(`TRUNCATE ${tables}`);
    const direct = await lived(laned.direct, acts, false);
    await laned.prepare(`TRUNCATE ${tables}`);
    const through = await lived(laned.through, acts, true);
    for (const [at, answers] of through.entries()) {
      assert.equal(answers.length, direct[at]?.length);
      const stray = answers.findIndex(({ cancelled, mayBe }) => cancelled && !mayBe);
      assert.equal(
        stray,
        -1,
        `answer ${stray} of session ${at} was cancelled, and nobody had asked for that`,
      );
      const [told, expected] = comparable(answers, direct[at] ?? []);
      assert.deepEqual(told, expected, `session ${at}`);
    }
    histories++;
  });
  const seed = Number(process.env['POINTSMAN_SEED'] ?? Date.now() % 2 ** 31);
  console.log(`  seed ${seed}: POINTSMAN_SEED=${seed} looks at the same histories again`);
  const figures = await laned.during(() => {
    end = performance.now() + BUDGET;
    return fc.assert(alike, { numRuns: Math.max(1, Math.round(BUDGET / 40)), seed });
  });
  console.log(`  ${histories} histories; on lanes: ${JSON.stringify(figures)}`);
  assert.ok(figures.units > 0, 'nothing went by a lane');
  await assertNothingLeft(laned, LINKS);
});
