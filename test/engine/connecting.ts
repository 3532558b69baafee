import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { becomes } from '../support/becomes.ts';
import type { ConnectionFacts } from '../support/stage.ts';
import { Refusal, refusedAs } from './adapter.ts';
import { CLIENTS, type Ground } from './conformance.ts';

/** How a session begins, and how it is refused. */
export function connecting(at: () => Ground): void {
  /** What a log-in is told; it must fail. */
  async function refusal(facts: ConnectionFacts): Promise<Refusal> {
    const { adapter } = at().scene;
    const error = await adapter.open(facts).then(
      (client) => client.end().then(() => undefined),
      (refused: unknown) => refused,
    );
    assert.ok(error instanceof Refusal, 'the log-in was refused');
    return error;
  }

  describe('connect', () => {
    test('a session comes in, writes and reads', async () => {
      await using client = await at().scene.session();
      await client.query("INSERT INTO thing VALUES (2, 'second')");
      assert.deepEqual(await client.query('SELECT said FROM thing WHERE id = 2'), [['second']]);
      await client.query('DELETE FROM thing WHERE id = 2');
    });

    test('a session comes in over TLS', async () => {
      const { scene, certificate } = at();
      await using client = await scene.session({ ca: certificate.cert });
      assert.deepEqual(await client.query('SELECT said FROM thing WHERE id = 1'), [['first']]);
    });

    test(`one client more than ${CLIENTS} is told that there are too many, and comes in when one has left`, async () => {
      const { scene } = at();
      const clients = await scene.sessions(CLIENTS);
      try {
        assert.equal((await refusal(scene.stage.proxied)).meaning, 'too-many');
      } finally {
        await Promise.all(clients.map((client) => client.end()));
      }
      await becomes('a place is free', () =>
        scene.session().then(
          (client) => client.end().then(() => true),
          () => false,
        ),
      );
    });
  });

  describe('authenticate', () => {
    test('a wrong password and an unknown user are told apart by nothing', async () => {
      const { proxied } = at().scene.stage;
      const wrong = await refusal({ ...proxied, password: 'wrong' });
      const unknown = await refusal({ ...proxied, user: 'nobody', password: 'wrong' });
      assert.equal(wrong.meaning, 'wrong-login');
      assert.equal(unknown.code, wrong.code);
      assert.equal(unknown.message.replace('nobody', proxied.user), wrong.message);
    });

    test('a wrong password is refused over TLS too', async () => {
      const { scene, certificate } = at();
      const { proxied } = scene.stage;
      const opened = scene.adapter.open({ ...proxied, password: 'wrong' }, { ca: certificate.cert });
      await assert.rejects(opened, refusedAs('wrong-login'));
    });

    test('an unknown database is refused in the server’s own words', async () => {
      const { stage, primary } = at().scene;
      const direct = await refusal({ ...stage.direct(primary), database: 'nowhere' });
      const proxied = await refusal({ ...stage.proxied, database: 'nowhere' });
      assert.equal(direct.meaning, 'no-database');
      assert.deepEqual([proxied.code, proxied.message], [direct.code, direct.message]);
    });
  });
}
