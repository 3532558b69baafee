import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { nodeId } from '../../../src/core/node.ts';
import type { Plan, Target } from '../../../src/core/wire.ts';
import type { MysqlCluster } from '../../../src/demo/mysql.ts';
import { FULL_TRAITS, Reply, type Traits } from '../../../src/mysql/reply.ts';
import { clientTls } from '../../../src/net/tls.ts';
import { selfSigned } from '../../support/certificate.ts';
import { startMysqlCluster } from '../../support/cluster.ts';
import { execute, prepare, query } from '../../support/mysql-commands.ts';
import { need } from '../../support/need.ts';
import { type Answered, Queued } from './queued.ts';

/** What clients understand: neighbours on a link differ in it. */
const TRAITS: readonly Traits[] = [
  FULL_TRAITS,
  { deprecateEof: false, sessionTrack: false, localFiles: false },
  { deprecateEof: true, sessionTrack: false, localFiles: true },
  { deprecateEof: false, sessionTrack: true, localFiles: true },
];

const TEXTS = [
  'SELECT id, s FROM d.t WHERE id = 1',
  'SELECT id, s FROM d.t ORDER BY id',
  'SELECT id FROM d.t WHERE id = 0',
  "SELECT REPEAT('x', 70000) AS x",
  'SELECT NULL AS n',
];
const LARGE = "SELECT a.id, REPEAT('r', 1000) AS r FROM d.t a, d.t b, d.t c, d.t e, d.t f, d.t g ORDER BY 1";
const ENDLESS = 'SELECT COUNT(*) FROM d.t WHERE SLEEP(60) = id';

const text = (words: string, traits: Traits = FULL_TRAITS): Plan => ({
  bytes: query(words),
  expect: new Reply([{ shape: 'result', take: 'forward' }], { traits }),
});

const captured = (words: string): Plan => ({
  bytes: query(words),
  expect: new Reply([{ shape: 'result', take: 'swallow' }], { capture: true }),
});

// What lanes rest on: a server carries out what comes without waiting, in its order, and answers each by itself.
for (const flavour of ['mysql', 'mariadb'] as const) {
  const skip = need(flavour === 'mysql' ? 'mysqld' : 'mariadbd');
  const name = flavour === 'mysql' ? 'my-1' : 'maria-1';

  describe(`commands that follow one another on one link to ${flavour}`, { skip, timeout: 120_000 }, () => {
    const certificate = selfSigned();
    let cluster: MysqlCluster;
    let folder: string;
    const opened: Queued[] = [];

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'pointsman-pipelined-'));
      cluster = await startMysqlCluster({ flavour, replicas: 0, settings: await tlsSettings() });
      const sql = (words: string): Promise<unknown> => cluster.query(name, words);
      await sql('CREATE USER nopass');
      await sql('GRANT ALL ON *.* TO nopass');
      await sql('CREATE DATABASE d');
      await sql('CREATE TABLE d.t(id int primary key, s text)');
      await sql("INSERT INTO d.t VALUES (1, 'eins'), (2, NULL), (3, ''), (4, REPEAT('v', 300))");
    });

    after(async () => {
      for (const each of opened) each.close();
      await cluster?.close();
      await rm(folder, { recursive: true, force: true });
    });

    /** MySQL makes its own certificate. */
    async function tlsSettings(): Promise<Record<string, string>> {
      if (flavour === 'mysql') return {};
      const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
      await writeFile(cert, certificate.cert);
      await writeFile(key, certificate.key);
      await chmod(folder, 0o755);
      return { 'ssl-cert': cert, 'ssl-key': key };
    }

    async function linked(tls: Target['tls'] = undefined): Promise<Queued> {
      const endpoint = { host: '127.0.0.1', port: cluster.node(name).port };
      const kind = { user: 'nopass', password: undefined, database: '', options: '', tls };
      const link = await Queued.open({ node: nodeId(name), endpoint, ...kind });
      opened.push(link);
      return link;
    }

    async function one(link: Queued, plan: Plan): Promise<Answered> {
      const [answered] = await link.run([plan]);
      assert.ok(answered !== undefined);
      return answered;
    }

    /** Prepares it; the server's number. */
    async function prepared(link: Queued, words: string): Promise<number> {
      let number = -1;
      const keep = (id: number): void => {
        number = id;
      };
      const expect = new Reply([{ shape: 'prepare', take: 'swallow', prepared: keep }]);
      assert.equal((await one(link, { bytes: prepare(words), expect })).end.error, '');
      return number;
    }

    /** Alone, then all in one write, each time with other neighbours; the same bytes, and nothing left behind. */
    async function sameInCompany(link: Queued, kinds: readonly ((traits: Traits) => Plan)[]): Promise<void> {
      const plans: Plan[] = [];
      const alone: Answered[] = [];
      for (const traits of TRAITS) {
        for (const kind of kinds) {
          plans.push(kind(traits));
          alone.push(await one(link, kind(traits)));
        }
      }
      for (let turn = 0; turn < 10; turn++) {
        const order = plans.map((_, at) => (at * 7 + turn) % plans.length);
        const answers = await link.run(order.map((at) => plans[at] as Plan));
        for (const [at, which] of order.entries()) {
          assert.ok(answers[at]?.bytes.equals(alone[which]?.bytes as Buffer), `${turn}: ${at} as ${which}`);
          assert.deepEqual(answers[at]?.end, alone[which]?.end);
          const { status, changes, pin, error, warnings } = answers[at]?.end ?? {};
          assert.deepEqual([status, changes, pin, error, warnings], ['idle', [], undefined, '', 0]);
        }
      }
    }

    for (const [how, tls] of [
      ['plainly', undefined],
      ['over TLS', clientTls('require')],
    ] as const) {
      test(`each text gets its own answer, ${how}`, async () => {
        const link = await linked(tls);
        await sameInCompany(
          link,
          TEXTS.map((words) => (traits) => text(words, traits)),
        );
      });

      test(`each run of a prepared statement gets its own answer, ${how}`, async () => {
        const link = await linked(tls);
        const rows = await prepared(link, 'SELECT id, s FROM d.t WHERE id > ? ORDER BY id');
        const echo = await prepared(link, 'SELECT ? AS a, ? AS b');
        const run = (number: number, given: readonly (string | number | null)[]) => (traits: Traits) => ({
          bytes: execute(number, given),
          expect: new Reply([{ shape: 'result', take: 'forward' }], { traits }),
        });
        await sameInCompany(link, [
          run(rows, [0]),
          run(rows, [3]),
          run(rows, [9]),
          run(echo, ['a', null]),
          run(echo, ['x'.repeat(40_000), null]),
          (traits) => text('SELECT 1 AS a', traits),
        ]);
      });

      test(`one that fails and one with a large result leave their neighbours alone, ${how}`, async () => {
        const link = await linked(tls);
        const number = await prepared(link, 'SELECT id FROM d.t WHERE id = ?');
        const [small, missing, none, large, run, last] = await link.run([
          text('SELECT 1 AS a'),
          text('SELECT nothing FROM d.t'),
          text('no statement'),
          text(LARGE),
          { ...text(''), bytes: execute(number, [2]) },
          text('SELECT 2 AS a'),
        ]);
        assert.deepEqual(
          [small, missing, none, large, run, last].map((each) => [each?.end.error, each?.end.rowCount]),
          [
            ['', 1],
            ['1054', -1],
            ['1064', -1],
            ['', 4 ** 6],
            ['', 1],
            ['', 1],
          ],
        );
        assert.ok((large?.bytes.length ?? 0) > 4_000_000);
        assert.deepEqual(last?.bytes, (await one(link, text('SELECT 2 AS a'))).bytes);
      });

      test(`one that is cancelled leaves those behind it alone, ${how}`, async () => {
        const link = await linked(tls);
        const [before, killed, behind, last] = await Promise.all([
          ...[text('SELECT 1 AS a'), text(ENDLESS), text('SELECT 2 AS a'), text('SELECT 3 AS a')].map(
            (plan) => one(link, plan),
          ),
          killing(link),
        ]);
        assert.ok(before && killed && behind && last);
        assert.deepEqual(
          [before, killed, behind, last].map(({ end }) => end.error),
          ['', '1317', '', ''],
        );
        assert.deepEqual([behind.end.rowCount, last.end.rowCount], [1, 1]);
      });
    }

    /** Waits until the link runs what does not end, and kills that. */
    async function killing(link: Queued): Promise<void> {
      const other = await linked();
      const id = link.opened.key.readUInt32LE(0);
      const runs = `SELECT 1 FROM information_schema.processlist WHERE id = ${id} AND info LIKE '%SLEEP(60)%'`;
      const end = performance.now() + 20_000;
      while ((await one(other, captured(runs))).end.rows.length === 0) {
        if (performance.now() > end) throw new Error('it never ran');
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await one(other, text(`KILL QUERY ${id}`));
    }
  });
}
