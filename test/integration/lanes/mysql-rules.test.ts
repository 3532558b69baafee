import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { becomes } from '../../support/becomes.ts';
import { answer, closeAll, MysqlLaned, send } from '../../support/mysql-laned.ts';
import { MysqlWire } from '../../support/mysql-recorder.ts';
import { need } from '../../support/need.ts';

const LINKS = 20;
const CANCELS = 400;
const CANCELLERS = 6;
const NEIGHBOURS = 10;
/** More than the budget of rescues. */
const MANY = 800;
/** The server was told to end the statement, or the connection. */
const INTERRUPTED = '!1317';
/** The connection is gone; a server may say so before. */
const ENDED = /^(closed|!1317|!1927|!4031)$/;
const READS = (at: number): string => `SELECT v FROM kv WHERE k = ${at + 1}`;
const READ = (_: unknown, at: number): string => `v${at + 1}`;

for (const flavour of ['mysql', 'mariadb'] as const) {
  const skip = need(flavour === 'mysql' ? 'mysqld' : 'mariadbd');

  describe(`the rules of lanes on ${flavour}`, { skip, timeout: 240_000 }, () => {
    let laned: MysqlLaned;
    before(async () => {
      laned = await MysqlLaned.start(flavour, LINKS);
      await laned.opens(LINKS);
      await laned.warm(READS(0));
    });
    after(() => laned?.[Symbol.asyncDispose]());

    /**
     * Units that follow one another on one lane, as far as they come in time. No other connection is free until what this
     * gives is disposed of.
     */
    async function line(
      head: MysqlWire,
      text: string,
      others: readonly MysqlWire[],
    ): Promise<AsyncDisposable> {
      const busy = await laned.occupies(LINKS - 1);
      try {
        // Whoever had the last connection before may have left other settings on it.
        await head.texts(READS(0));
        const { units } = await laned.figures();
        await laned.board(head, text);
        for (const [at, other] of others.entries()) send(other, READS(at));
        await becomes('they wait', async () => (await laned.figures()).units > units);
      } catch (error) {
        await busy[Symbol.asyncDispose]();
        throw error;
      }
      return busy;
    }

    async function entered(): Promise<MysqlWire> {
      const [client] = await laned.enter(1);
      assert.ok(client);
      return client;
    }

    async function assertRead(others: readonly MysqlWire[]): Promise<void> {
      assert.deepEqual(await Promise.all(others.map(answer)), others.map(READ));
    }

    test('rule 1: a write waits behind nobody’s read, and a read of unknown cost has nobody behind it', async () => {
      await laned.warm('SELECT n AS known FROM gate');
      const [reader, writer, neighbour] = await laned.enter(3);
      assert.ok(reader && writer && neighbour);
      for (const text of ['SELECT n AS known FROM gate', 'SELECT n AS never_run_before FROM gate']) {
        await using bolt = await laned.bolt('gate');
        const { rescues } = await laned.during(async () => {
          if (text.includes('known')) await laned.board(reader, text);
          else send(reader, text);
          await laned.waitAt(1);
          await writer.texts('UPDATE kv SET v = v WHERE k = 1');
          send(neighbour, READS(4));
          assert.equal(await answer(neighbour), 'v5');
        });
        if (text.includes('never')) assert.equal(rescues, 0, 'nobody was put behind it');
        await bolt.open();
        assert.equal(await answer(reader), '1');
      }
      await closeAll([reader, writer, neighbour]);
    });

    test('rule 2: sessions whose settings differ are told what each would be told directly', async () => {
      const shows = "SELECT FROM_UNIXTIME(0) AS zoned, 'a' || 'b' AS moded";
      const habits = [
        "SET time_zone = '+00:00', sql_mode = 'ANSI'",
        "SET time_zone = '+09:00', sql_mode = ''",
        "SET time_zone = '-04:00', sql_mode = 'PIPES_AS_CONCAT'",
      ];
      const direct = await MysqlWire.open(laned.direct);
      const expected: (string | null)[][][] = [];
      for (const habit of habits) {
        await direct.texts(habit);
        expected.push(await direct.rows(shows));
      }
      await direct.close();
      assert.equal(new Set(expected.map((rows) => JSON.stringify(rows))).size, habits.length);
      const clients = await laned.enter(24);
      await Promise.all(clients.map((client, at) => client.texts(habits[at % habits.length] ?? '')));
      const { units } = await laned.during(() =>
        Promise.all(
          clients.map(async (client, at) => {
            for (let round = 0; round < 40; round++) {
              assert.deepEqual(await client.rows(shows), expected[at % habits.length]);
            }
          }),
        ),
      );
      assert.ok(units > 0, 'none went by a lane');
      await closeAll(clients);
    });

    test('rule 3: a read that turns out long keeps nobody waiting, and is told nobody else’s answer', async () => {
      const [long, ...others] = await laned.enter(7);
      assert.ok(long);
      let moved = 0;
      // On a busy machine the others may come when it is alone already.
      for (let attempt = 0; attempt < 8 && moved === 0; attempt++) {
        const text = `SELECT n AS turns_out_${attempt} FROM gate`;
        await laned.warm(text);
        await using bolt = await laned.bolt('gate');
        const { rescues } = await laned.during(async () => {
          const busy = await line(long, text, others);
          await busy[Symbol.asyncDispose]();
          await assertRead(others);
        });
        assert.ok(rescues <= others.length, `${rescues} were moved`);
        moved += rescues;
        await bolt.open();
        assert.equal(await answer(long), '1');
        // What others left behind it on its connection is dropped: the next answers are its own.
        for (const key of [11, 12, 13]) assert.deepEqual(await long.rows(READS(key - 1)), [[`v${key}`]]);
        const alone = await laned.during(async () => {
          for (let run = 0; run < 7; run++) await long.rows(text);
        });
        assert.equal(alone.units, 0, 'it has company again only after it was short for a while');
      }
      assert.ok(moved > 0, 'nobody was ever moved');
      await closeAll([long, ...others]);
    });

    test('rule 3: a lock on a table that all read makes no storm of rescues, and all are answered', async () => {
      const text = (at: number): string => `SELECT v AS locked FROM kv WHERE k = ${at + 1}`;
      await laned.warm(text(0));
      const clients = await laned.enter(MANY);
      await using bolt = await laned.bolt('kv');
      await laned.calm(() => {
        for (const [at, client] of clients.entries()) send(client, text(at));
      });
      await bolt.open();
      await assertRead(clients);
      await closeAll(clients);
    });

    test('rule 4: a client that does not read its large result keeps no memory, and nobody waiting', async () => {
      const text = (times: number): string =>
        `SELECT REPEAT('x', 1000 * ${times}) AS large FROM kv WHERE k <= ${times * 25}`;
      await laned.warm(text(0), 'SELECT 1 AS beside_slow');
      const [slow, ...others] = await laned.enter(9);
      assert.ok(slow);
      slow.pause();
      const before = process.memoryUsage().arrayBuffers;
      let most = 0;
      const { units } = await laned.during(async () => {
        await laned.board(slow, text(40));
        for (let round = 0; round < 40; round++) {
          for (const [at, other] of others.entries()) send(other, `SELECT ${round * 10 + at} AS beside_slow`);
          const told = await Promise.all(others.map(answer));
          assert.deepEqual(
            told,
            others.map((_, at) => String(round * 10 + at)),
          );
          most = Math.max(most, process.memoryUsage().arrayBuffers - before);
        }
      });
      assert.ok(units > 100, `${units} went by lanes`);
      assert.ok(most < 16 * 1024 * 1024, `${most} bytes more while 40 MB waited`);
      slow.resume();
      assert.equal((await answer(slow)).length, 1_000 * 40_001 - 1);
      assert.deepEqual(await slow.rows('SELECT 5 AS after_all'), [['5']]);
      await closeAll([slow, ...others]);
    });

    test('rule 5: connections that are killed with many units on them cost only those at the head theirs', async () => {
      const [first, ...others] = await laned.enter(30);
      assert.ok(first);
      let head = first;
      for (let round = 0; round < 4; round++) {
        const text = `SELECT n AS lost_${round} FROM gate`;
        await laned.warm(text);
        await using direct = await MysqlWire.open(laned.direct);
        await using bolt = await laned.bolt('gate');
        await using _busy = await line(head, text, others);
        await laned.waitAt(1);
        send(direct, text);
        await laned.waitAt(2);
        for (const id of await laned.threads("STATE LIKE '%metadata lock%'")) {
          await laned.ask(`KILL CONNECTION ${id}`);
        }
        await assertRead(others);
        const told = answer(head).catch(() => 'closed');
        assert.match(await answer(direct).catch(() => 'closed'), ENDED);
        await bolt.open();
        // It is sent again once, or told that its connection is lost.
        if ((await told) !== '1') {
          assert.match(await told, ENDED);
          head.destroy();
          head = await entered();
        }
        assert.deepEqual(await head.rows(READS(7)), [['v8']], 'it goes on');
      }
      await closeAll([head, ...others]);
    });

    test('rule 6: of hundreds of cancel requests on few lanes none hits a neighbour, or a later unit', async () => {
      const clients = await laned.enter(CANCELLERS + NEIGHBOURS);
      const killers = await laned.enter(CANCELLERS);
      let cancels = 0;
      let struck = 0;
      const ask = async (at: number, round: number, killer?: MysqlWire): Promise<void> => {
        const client = clients[at] as MysqlWire;
        const nap = round % 3 === 0;
        const key = round % 1_000;
        // One that was slow once shares nothing for long: so it gets another form now and then.
        const form = `form_${Math.floor(cancels / 50)}`;
        send(
          client,
          nap
            ? `SELECT SLEEP(${(round % 4) / 1_000}) AS ${form}`
            : `SELECT v AS ${form} FROM kv WHERE k = ${key + 1}`,
        );
        const cancelling = killer && moment(round % 4).then(() => killer.texts(`KILL QUERY ${client.id}`));
        const told = await answer(client);
        await cancelling;
        // A nap that is cut short may give 1.
        if (killer !== undefined && (told === INTERRUPTED || (nap && told === '1'))) struck++;
        else assert.equal(told, nap ? '0' : `v${key + 1}`);
      };
      const { units } = await laned.during(async () => {
        let over = false;
        const cancelling = killers.map(async (killer, at) => {
          for (let round = at; cancels < CANCELS; round += 7) {
            cancels++;
            await ask(at, round, killer);
            // The request was for the unit before.
            await ask(at, round + 1);
          }
        });
        const others = clients.slice(CANCELLERS).map(async (_, at) => {
          for (let round = at; !over; round++) await ask(CANCELLERS + at, round);
        });
        await Promise.all(cancelling).finally(() => {
          over = true;
        });
        await Promise.all(others);
      });
      assert.ok(units > CANCELS / 10, `${units} went by lanes`);
      assert.ok(struck > 0, `${struck} of ${CANCELS} cancelled anything`);
      await closeAll([...clients, ...killers]);
    });

    test('rule 7: a unit that changes its session keeps that to itself, and its form has no company again', async () => {
      const shows = 'SELECT FROM_UNIXTIME(0) AS poisoned';
      const others = await laned.enter(8);
      await Promise.all(others.map((other) => other.texts("SET time_zone = '+00:00'")));
      let over = false;
      const reading = others.map(async (other) => {
        while (!over) assert.deepEqual(await other.rows(shows), [['1970-01-01 00:00:00']]);
      });
      const spoiled: string[] = [];
      for (let at = 0; at < 5; at++) {
        const changer = await entered();
        await changer.texts("SET time_zone = '+00:00'");
        const text = (zone: string): string => `SELECT shifts('${zone}') AS poison_${at}`;
        await laned.warm(text(''));
        // On a busy machine it may have to run by itself all the same.
        const { poisoned } = await laned.during(async () => {
          assert.deepEqual(await changer.rows(text('+09:00')), [['+09:00']]);
        });
        if (poisoned > 0) spoiled.push(text(''));
        for (let round = 0; round < 10; round++) {
          assert.deepEqual(await changer.rows(shows), [['1970-01-01 09:00:00']]);
        }
        // It keeps its connection as long as it is there.
        await changer.close();
      }
      over = true;
      await Promise.all(reading);
      assert.ok(spoiled.length > 0, 'it never changed anything on a lane');
      const again = await entered();
      const { units } = await laned.during(async () => {
        for (let round = 0; round < 20; round++) for (const text of spoiled) await again.rows(text);
      });
      assert.equal(units, 0);
      await closeAll([...others, again]);
    });

    test('rule 8: what a session sends at once is answered in order, reads behind reads behind writes', async () => {
      await laned.prepare('CREATE TABLE own (k INT, v VARCHAR(20))', "INSERT INTO own VALUES (1, '')");
      const reads = (from: number): string[] =>
        Array.from({ length: 40 }, (_, at) => `SELECT v AS ordered FROM kv WHERE k = ${from + at}`);
      const texts = [
        ...reads(1),
        "UPDATE own SET v = 'one'",
        'SELECT v FROM own',
        ...reads(41),
        'SELECT SLEEP(0.03)',
        ...reads(81),
        'BEGIN',
        "UPDATE own SET v = 'two'",
        'SELECT v FROM own',
        'ROLLBACK',
        'SELECT v FROM own',
        'SELECT nothing FROM own',
        ...reads(121),
        "SET time_zone = '+05:00'",
        'SELECT @@time_zone',
        ...reads(161),
      ];
      const told = async (client: MysqlWire): Promise<string[]> => {
        send(client, ...texts);
        const answers: string[] = [];
        for (const _ of texts) answers.push(await answer(client));
        await client.close();
        return answers;
      };
      const direct = await told(await MysqlWire.open(laned.direct));
      const neighbours = await laned.enter(8);
      let over = false;
      const reading = neighbours.map(async (client, at) => {
        while (!over) assert.deepEqual(await client.rows(READS(at)), [[READ(undefined, at)]]);
      });
      const { units } = await laned.during(async () => {
        for (let time = 0; time < 10; time++) {
          assert.deepEqual(await told(await entered()), direct);
        }
      });
      over = true;
      await Promise.all(reading);
      assert.ok(units > 0, 'none went by a lane');
      await closeAll(neighbours);
    });

    test('rule 8: a write waits until the read before it has been answered on its lane', async () => {
      await laned.prepare('CREATE TABLE turns (k INT, n INT)', 'INSERT INTO turns VALUES (1, -1), (2, -1)');
      const [client, other] = await laned.enter(2);
      assert.ok(client && other);
      for (let round = 0; round < 6; round++) {
        const read = `SELECT n AS turn_${round} FROM gate`;
        await laned.warm(read);
        await using bolt = await laned.bolt('gate');
        await laned.board(client, read);
        send(client, `UPDATE turns SET n = ${round} WHERE k = 1`, 'SELECT n FROM turns WHERE k = 1');
        await laned.waitAt(1);
        // As long as it would take to overtake.
        for (let time = 0; time < 3; time++) await other.texts('UPDATE turns SET n = n WHERE k = 2');
        assert.deepEqual(await other.rows('SELECT n FROM turns WHERE k = 1'), [[String(round - 1)]]);
        await bolt.open();
        assert.equal(await answer(client), '1');
        assert.equal(await answer(client), '');
        assert.equal(await answer(client), String(round));
      }
      await closeAll([client, other]);
    });
  });
}

/** Whether a unit runs, waits or has been answered when the request comes is left to chance. */
const moment = (turns: number): Promise<void> =>
  turns === 0 ? Promise.resolve() : new Promise((resolve) => setImmediate(() => resolve(moment(turns - 1))));
