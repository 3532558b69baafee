import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, chown, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { nodeId } from '../../../src/core/node.ts';
import type { EmbeddedCluster } from '../../../src/demo/postgres.ts';
import { type ClientTls, clientTls } from '../../../src/net/tls.ts';
import { viewOf } from '../../../src/postgres/catalogue.ts';
import { positions } from '../../../src/postgres/position.ts';
import type { PostgresProbe } from '../../../src/postgres/probe.ts';
import { startCluster } from '../../support/cluster.ts';
import { observeUntil, probeWith, seen, targetOf } from './servers.ts';

const PORTS = [15460, 15461, 15462];

describe('a probe of a healthy cluster', () => {
  let cluster: EmbeddedCluster;
  let probe: PostgresProbe;

  before(async () => {
    cluster = await startCluster({ ports: PORTS, syncNames: 'ANY 1 (*)' });
    probe = probeWith();
  });
  after(async () => {
    await probe.close();
    await cluster.close();
  });

  test('roles are discovered, identity, branch and version are told', async () => {
    const all = await Promise.all(
      cluster.nodes.map(async ({ id }) => seen(await probe.observe(targetOf(cluster, id)))),
    );
    assert.deepEqual(
      all.map(({ role }) => role),
      ['primary', 'replica', 'replica'],
    );
    assert.match(all[0]?.identity ?? '', /^\d{15,}$/);
    assert.equal(new Set(all.map(({ identity }) => identity)).size, 1);
    assert.deepEqual(
      all.map(({ branch }) => branch),
      ['1', '1', '1'],
    );
    assert.match(all[0]?.version ?? '', /^18\./);
    assert.deepEqual(all[0]?.sync, { needed: 1, listed: 2 });
    assert.equal(all[0]?.receiving, undefined);
    assert.ok(all.every(({ askedAt, at }) => askedAt <= at));
  });

  test('a replica says from whom it receives', async () => {
    const replica = seen(await probe.observe(targetOf(cluster, 'pg-2')));
    assert.deepEqual(replica.receiving, { active: true, from: `127.0.0.1:${PORTS[0]}` });
  });

  test('a replica reaches the position at which the primary was seen after a write', async () => {
    await cluster.query('pg-1', 'CREATE TABLE written (id int)');
    await cluster.query('pg-1', 'INSERT INTO written SELECT generate_series(1, 1000)');
    const primary = seen(await probe.observe(targetOf(cluster, 'pg-1')));
    const replica = seen(
      await observeUntil(probe, targetOf(cluster, 'pg-2'), (observation) => {
        const order = positions.compare(seen(observation).position, primary.position);
        return order === 'equal' || order === 'after';
      }),
    );
    assert.notEqual(positions.compare(replica.received, replica.position), 'before');
  });

  test('an observation is one round trip on a kept connection', async () => {
    const target = targetOf(cluster, 'pg-1');
    const sessions =
      "SELECT pid, query_start FROM pg_stat_activity WHERE application_name = 'pointsman:test:one'";
    await probe.observe(target);
    const [before] = await cluster.query('pg-1', sessions);
    await probe.observe(target);
    const [now, ...others] = await cluster.query('pg-1', sessions);
    assert.equal(now?.['pid'], before?.['pid']);
    assert.notDeepEqual(now?.['query_start'], before?.['query_start']);
    assert.equal(others.length, 0);
  });

  test('I12: another instance of the same cluster is seen, the own one and strangers are not', async () => {
    const target = targetOf(cluster, 'pg-1');
    const other = probeWith({ applicationName: 'pointsman:test:host-2:77' });
    const elsewhere = probeWith({ applicationName: 'pointsman:tester:host-3:78' });
    const stranger = { ...target, ...cluster.credentials.client };
    const pretender = probeWith({ applicationName: 'pointsman:test:pretender' });
    try {
      seen(await other.observe(target));
      seen(await elsewhere.observe(target));
      await pretender.observe(stranger);
      assert.deepEqual(seen(await probe.observe(target)).otherProxies, ['host-2:77']);
      await other.close();
      await observeUntil(probe, target, (observation) => seen(observation).otherProxies.length === 0);
    } finally {
      await Promise.all([other, elsewhere, pretender].map((one) => one.close()));
    }
  });

  test('a connection that was ended meanwhile is no loss: the same observation asks again', async () => {
    const target = targetOf(cluster, 'pg-3');
    seen(await probe.observe(target));
    await cluster.query(
      'pg-3',
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pointsman:%'",
    );
    seen(await probe.observe(target));
  });

  test('wrong password and unknown database are denied, and say so', async () => {
    const target = targetOf(cluster, 'pg-1');
    const wrong = await probe.observe({ ...target, password: 'wrong' });
    assert.equal(wrong.kind === 'unseen' && wrong.failure, 'denied');
    assert.match(wrong.kind === 'unseen' ? wrong.message : '', /password authentication failed/);
    const missing = await probe.observe({ ...target, database: 'missing' });
    assert.equal(missing.kind === 'unseen' && missing.failure, 'denied');
    const none = await probe.observe({ ...target, password: undefined });
    assert.equal(none.kind === 'unseen' && none.failure, 'denied');
  });

  test('an account without rights observes roles, and check names each missing right with its mend', async () => {
    await cluster.query('pg-1', "CREATE ROLE plain LOGIN PASSWORD 'plain'");
    const target = { ...targetOf(cluster, 'pg-1'), user: 'plain', password: 'plain' };
    assert.equal(seen(await probe.observe(target)).role, 'primary');
    const lacking = await probe.rights(target);
    const errors = lacking.filter(({ severity }) => severity === 'error');
    for (const mend of errors.map((finding) => finding.mend)) {
      assert.match(mend, /^(GRANT|ALTER ROLE) /);
      await cluster.query('pg-1', mend);
    }
    assert.ok(errors.length >= 8, `${errors.length}`);
    const mended = await probe.rights(target);
    assert.deepEqual(
      mended.filter(({ severity }) => severity === 'error'),
      [],
    );
    assert.ok(mended.some(({ what }) => /may promote/.test(what)));
  });

  test('the catalogue of a database tells its tables, and a node that cannot be asked rejects', async () => {
    await cluster.query('pg-1', 'CREATE TABLE plain_table (id int)');
    await cluster.query('pg-1', 'CREATE VIEW a_view AS SELECT * FROM plain_table');
    const view = viewOf(await probe.catalogue(targetOf(cluster, 'pg-1')));
    assert.ok(view.tables.has('plain_table'));
    assert.ok(!view.tables.has('a_view'));
    const missing = { ...targetOf(cluster, 'pg-1'), database: 'missing' };
    await assert.rejects(probe.catalogue(missing), { code: 'NODE_REFUSED' });
  });

  test('TLS as the configuration wants it: required and checked, preferred, or refused', async () => {
    const target = targetOf(cluster, 'pg-1');
    const observed = async (tls: ClientTls): Promise<string> => {
      await using probe = disposable(probeWith({ applicationName: 'pointsman:test:tls' }));
      const observation = await probe.it.observe({ ...target, tls });
      const [row] = await cluster.query(
        'pg-1',
        "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'pointsman:test:tls'",
      );
      return observation.kind === 'seen' ? `ssl ${row?.['ssl']}` : observation.failure;
    };
    assert.equal(await observed(clientTls('prefer')), 'ssl false');
    assert.equal(await observed(clientTls('require')), 'denied');
    const { cert, key } = await layCertificate(cluster.folder);
    for (const [name, value] of [
      ['ssl_cert_file', cert],
      ['ssl_key_file', key],
      ['ssl', 'on'],
    ] as const)
      await cluster.query('pg-1', `ALTER SYSTEM SET ${name} = '${value}'`);
    await cluster.query('pg-1', 'SELECT pg_reload_conf()');
    for (let i = 0; i < 500 && (await observed(clientTls('prefer'))) !== 'ssl true'; i += 1);
    assert.equal(await observed(clientTls('require')), 'ssl true');
    assert.equal(await observed(clientTls('verify-ca', { ca: cert })), 'ssl true');
    assert.equal(await observed(clientTls('verify-ca')), 'denied', 'nobody vouches for it');
    assert.equal(await observed(clientTls('verify-full', { ca: cert })), 'denied', 'it is of another host');
  });

  test('a server whose every process is stopped is a timeout within its bound, and seen again afterwards', {
    timeout: 30_000,
  }, async () => {
    const target = targetOf(cluster, 'pg-3');
    const quick = probeWith({ timeoutMs: 300 });
    try {
      seen(await quick.observe(target));
      cluster.pause('pg-3');
      const kept = await quick.observe(target);
      assert.equal(kept.kind === 'unseen' && kept.failure, 'timeout');
      const fresh = await quick.observe(target);
      assert.equal(fresh.kind === 'unseen' && fresh.failure, 'timeout');
      for (const { at, askedAt } of [kept, fresh]) assert.ok(at - askedAt < 2_000);
    } finally {
      cluster.resume('pg-3');
    }
    await observeUntil(quick, target, ({ kind }) => kind === 'seen');
    await quick.close();
  });
});

describe('a probe of a primary that is gone', () => {
  let cluster: EmbeddedCluster;
  let probe: PostgresProbe;

  before(async () => {
    cluster = await startCluster({ ports: PORTS });
    probe = probeWith();
  });
  after(async () => {
    await probe.close();
    await cluster.close();
  });

  test('after kill -9 the primary refuses, and the witnesses say that they no longer receive', async () => {
    for (const { id } of cluster.nodes) seen(await probe.observe(targetOf(cluster, id)));
    await cluster.kill('pg-1', 'SIGKILL');
    const lost = await observeUntil(probe, targetOf(cluster, 'pg-1'), ({ kind }) => kind === 'unseen');
    assert.ok(lost.kind === 'unseen' && ['refused', 'reset'].includes(lost.failure), JSON.stringify(lost));
    const refused = await probe.observe(targetOf(cluster, 'pg-1'));
    assert.equal(refused.kind === 'unseen' && refused.failure, 'refused');
    for (const id of ['pg-2', 'pg-3']) {
      const witness = await observeUntil(
        probe,
        targetOf(cluster, id),
        (observation) => seen(observation).receiving?.active === false,
      );
      assert.equal(seen(witness).branch, '1', 'the last seen timeline stays known');
    }
  });

  test('a probe that comes later knows the timeline of a replica that receives nothing', async () => {
    const later = probeWith();
    try {
      assert.equal(seen(await later.observe(targetOf(cluster, 'pg-3'))).branch, '1');
    } finally {
      await later.close();
    }
  });
});

describe('a probe of something that is no server', () => {
  const target = (port: number) => ({
    node: nodeId('none'),
    endpoint: { host: '127.0.0.1', port },
    user: 'nobody',
    password: 'nothing',
    database: 'none',
    options: '',
    tls: undefined,
  });

  async function answering(answer: Buffer | undefined): Promise<Server> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => (answer === undefined ? undefined : socket.end(answer)));
    });
    await new Promise<void>((resolve) => server.listen(15469, '127.0.0.1', resolve));
    return server;
  }

  /** An ErrorResponse as a starting server sends it. */
  function errorResponse(code: string, message: string): Buffer {
    const body = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`);
    const head = Buffer.from([0x45, 0, 0, 0, 0]);
    head.writeInt32BE(body.length + 4, 1);
    return Buffer.concat([head, body]);
  }

  test('a closed port is refused', async () => {
    await using probe = disposable(probeWith());
    const observation = await probe.it.observe(target(15468));
    assert.equal(observation.kind === 'unseen' && observation.failure, 'refused');
  });

  for (const [code, message, failure] of [
    ['57P03', 'the database system is starting up', 'starting'],
    ['57P03', 'the database system is not yet accepting connections', 'starting'],
    ['57P03', 'the database system is in recovery mode', 'recovering'],
    ['57P02', 'terminating connection because of crash of another server process', 'recovering'],
    ['53300', 'sorry, too many clients already', 'denied'],
  ] as const) {
    test(`a server that answers ${code}, "${message}", is ${failure}, not lost`, async () => {
      const server = await answering(errorResponse(code, message));
      await using probe = disposable(probeWith());
      const observation = await probe.it.observe(target(15469));
      await new Promise((resolve) => server.close(resolve));
      assert.equal(observation.kind === 'unseen' && observation.failure, failure);
    });
  }

  test('a peer that takes the connection and says nothing is a timeout, and its socket is closed', async () => {
    const server = await answering(undefined);
    await using probe = disposable(probeWith({ timeoutMs: 100 }));
    const observation = await probe.it.observe(target(15469));
    assert.equal(observation.kind === 'unseen' && observation.failure, 'timeout');
    // Resolves only when no connection is left.
    await new Promise((resolve) => server.close(resolve));
  });

  test('a closed probe answers without asking, as often as it is closed', async () => {
    const probe = probeWith();
    await Promise.all([probe.close(), probe.close()]);
    const observation = await probe.observe(target(15468));
    assert.equal(observation.kind === 'unseen' && observation.message, 'the probe is closed');
  });

  test('closing a probe ends a question that waits', async () => {
    const server = await answering(undefined);
    const probe = probeWith({ timeoutMs: 60_000 });
    const waiting = probe.observe(target(15469));
    await new Promise((resolve) => server.once('connection', resolve));
    await probe.close();
    assert.equal((await waiting).kind, 'unseen');
    await new Promise((resolve) => server.close(resolve));
  });
});

/** A self-signed certificate for the host `elsewhere`, readable by the account that runs the servers alone. */
async function layCertificate(folder: string): Promise<{ cert: string; key: string }> {
  const [cert, key] = [join(folder, 'server.crt'), join(folder, 'server.key')];
  const request = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=elsewhere'];
  await promisify(execFile)('openssl', ['req', ...request, '-keyout', key, '-out', cert]);
  const { uid, gid } = await stat(folder);
  for (const file of [cert, key]) await chown(file, uid, gid);
  await chmod(key, 0o600);
  return { cert, key };
}

function disposable(it: PostgresProbe): AsyncDisposable & { it: PostgresProbe } {
  return { it, [Symbol.asyncDispose]: () => it.close() };
}
