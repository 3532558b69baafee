import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { becomes } from '../support/becomes.ts';
import { type Certificate, selfSigned } from '../support/certificate.ts';
import type { Adapter } from './adapter.ts';
import { connecting } from './connecting.ts';
import { failures } from './failures.ts';
import { pooling } from './pooling.ts';
import { routing } from './routing.ts';
import { Scene } from './scene.ts';
import { sessions } from './sessions.ts';

/** Server connections per node that the sessions of the suite share. */
export const LINKS = 4;
/** How long a statement waits for one, in ms. */
const WAIT = 1_500;
/** Clients that may be connected at one time. */
export const CLIENTS = 60;

/** What the parts of the suite share: made before the first test, gone after the last. */
export interface Ground {
  readonly scene: Scene;
  readonly certificate: Certificate;
}

/** All that the proxy promises of an engine, in the same words for each, on one primary and two replicas. */
export function conformance(adapter: Adapter): void {
  describe(`an application on ${adapter.engine}`, { skip: adapter.skip }, () => {
    let ground: Ground | undefined;
    let folder = '';
    const at = (): Ground => {
      assert.ok(ground !== undefined, 'the suite has begun');
      return ground;
    };
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'pointsman-engine-'));
      const certificate = selfSigned();
      const files = { cert: join(folder, 'server.crt'), key: join(folder, 'server.key') };
      await writeFile(files.cert, certificate.cert);
      await writeFile(files.key, certificate.key, { mode: 0o600 });
      const scene = await Scene.start(adapter, {
        proxy: {
          listen: { host: '127.0.0.1', port: 0, maxClients: CLIENTS, tls: files },
          pool: { size: LINKS, waitTimeout: `${WAIT}ms` },
        },
      });
      ground = { scene, certificate };
      await using client = await scene.session();
      await client.query('CREATE TABLE thing (id int PRIMARY KEY, said varchar(100))');
      await client.query("INSERT INTO thing VALUES (1, 'first')");
      await scene.readable('thing');
    });
    after(async () => {
      await ground?.scene.close();
      await rm(folder, { recursive: true, force: true });
    });

    connecting(at);
    routing(at);
    pooling(at);
    sessions(at);
    failures(at);

    test('when the proxy has closed, no server has a session of an application or of the proxy left', async () => {
      const { scene } = at();
      await scene.stage.proxy.close();
      const { client, monitor } = scene.stage.cluster.credentials;
      for (const { user } of [client, monitor]) {
        const links = adapter.inspections.links(user);
        await becomes(`no session of ${user}`, async () => (await scene.total(links)) === 0);
      }
      const opened = scene.stage.events.filter(({ kind }) => kind === 'link-opened').length;
      const closed = scene.stage.events.filter(({ kind }) => kind === 'link-closed').length;
      assert.equal(closed, opened, 'every server connection that was opened was closed');
      const came = scene.stage.events.filter(({ kind }) => kind === 'client-connected').length;
      const went = scene.stage.events.filter(({ kind }) => kind === 'client-closed').length;
      assert.equal(went, came, 'every session that began has ended');
    });
  });
}
