import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { nodeId, type Seen } from '../../../src/core/node.ts';
import { positions } from '../../../src/mysql/position.ts';
import { slotNames } from '../../../src/mysql/presence.ts';
import type { MysqlProbe } from '../../../src/mysql/probe.ts';
import { clientTls } from '../../../src/net/tls.ts';
import { need } from '../../support/need.ts';
import {
  connectedTo,
  type Nodes,
  observeUntil,
  probeWith,
  reaches,
  seen,
  startNodes,
  targetOf,
} from './servers.ts';

for (const [flavour, program] of [['mysql', 'mysqld'] as const, ['mariadb', 'mariadbd'] as const]) {
  describe(`probing a ${flavour} cluster`, { skip: need(program) }, () => {
    let nodes: Nodes;
    let probe: MysqlProbe;
    const target = (index: 0 | 1 | 2) => targetOf(nodes.cluster, nodes.ids[index]);
    const query = (index: 0 | 1 | 2, sql: string) => nodes.cluster.query(nodes.ids[index], sql);
    const look = async (index: 0 | 1 | 2) => seen(await probe.observe(target(index)));
    const receivesFrom = (index: 0 | 1 | 2) => `127.0.0.1:${target(index).endpoint.port}`;

    before(async () => {
      nodes = await startNodes(flavour, { synchronous: true });
      probe = probeWith();
      await query(0, 'CREATE TABLE kept (id int primary key)');
    });
    after(async () => {
      await probe.close();
      await nodes.cluster.close();
    });

    test('a primary and its replicas are told apart, with version, position and whom they receive from', async () => {
      const primary = await look(0);
      assert.deepEqual([primary.role, primary.identity, primary.branch], ['primary', flavour, '']);
      assert.equal(primary.receiving, undefined);
      assert.equal(primary.version.includes('MariaDB'), flavour === 'mariadb');
      for (const index of [1, 2] as const) {
        const replica = seen(
          await observeUntil(probe, target(index), (observation) => reaches(observation, primary)),
        );
        assert.deepEqual([replica.role, replica.identity], ['replica', flavour]);
        assert.deepEqual(replica.receiving, { active: true, from: receivesFrom(0) });
        assert.equal(positions.compare(replica.position, primary.position), 'equal');
        assert.equal(positions.compare(replica.received, replica.position), 'equal');
      }
    });

    test('commits that wait for a replica without end are synchronous; those that may stop waiting are not', async () => {
      const source = flavour === 'mysql' ? 'rpl_semi_sync_source' : 'rpl_semi_sync_master';
      assert.deepEqual((await look(0)).sync, { needed: 1, listed: 2 });
      assert.deepEqual((await look(1)).sync, { needed: 0, listed: 0 });
      const [before] = await query(0, `SELECT @@global.${source}_timeout AS timeout`);
      await query(0, `SET GLOBAL ${source}_timeout = 10000`);
      assert.deepEqual((await look(0)).sync, { needed: 0, listed: 0 });
      await query(0, `SET GLOBAL ${source}_timeout = ${before?.['timeout']}`);
      assert.deepEqual((await look(0)).sync, { needed: 1, listed: 2 });
    });

    test('a replica that applies nothing shows what it has received', async () => {
      const [stop, start] =
        flavour === 'mysql'
          ? ['STOP REPLICA SQL_THREAD', 'START REPLICA SQL_THREAD']
          : ['STOP SLAVE SQL_THREAD', 'START SLAVE SQL_THREAD'];
      await query(1, stop);
      await query(0, 'INSERT INTO kept VALUES (1)');
      const primary = await look(0);
      const replica = seen(
        await observeUntil(
          probe,
          target(1),
          (observation) => positions.compare(seen(observation).received, primary.position) === 'equal',
        ),
      );
      assert.equal(positions.compare(replica.position, primary.position), 'before');
      assert.equal(positions.distance(replica.position, primary.position), 1_024);
      await query(1, start);
      await observeUntil(probe, target(1), (observation) => reaches(observation, primary));
    });

    test('a transaction of its own on a replica parts it from the primary, even while that is idle', async () => {
      const primary = await look(0);
      await observeUntil(probe, target(2), (observation) => reaches(observation, primary));
      assert.equal(positions.compare((await look(2)).position, primary.position), 'equal');
      await query(2, 'SET GLOBAL read_only = OFF');
      await query(2, 'CREATE DATABASE errant');
      assert.equal((await look(2)).role, 'replica', 'it is set up to receive, so it is no primary');
      const on = flavour === 'mysql' ? 'super_read_only' : 'read_only';
      await query(2, `SET GLOBAL ${on} = ON`);
      const parted = await look(2);
      assert.equal(positions.compare(parted.position, primary.position), 'diverged');
      assert.equal(positions.compare(parted.position, (await look(0)).position), 'diverged');
    });

    test('proxies of one cluster see each other on every node, and those of another do not', async () => {
      const other = probeWith({ applicationName: 'pointsman:test:two' });
      const foreign = probeWith({ applicationName: 'pointsman:elsewhere:one' });
      try {
        const first = seen(await other.observe(target(0)));
        assert.equal(first.otherProxies.length, 1, 'the one that was there');
        seen(await foreign.observe(target(0)));
        const mine = await look(0);
        assert.equal(mine.otherProxies.length, 1);
        assert.match(mine.otherProxies[0] ?? '', /^127\.0\.0\.1(:\d+)? \(connection \d+\)$/);
        assert.deepEqual(seen(await foreign.observe(target(0))).otherProxies, []);
      } finally {
        await other.close();
        await foreign.close();
      }
      await observeUntil(probe, target(0), (observation) => seen(observation).otherProxies.length === 0);
    });

    test('a lock that a client has taken by the name of a proxy says nothing', async () => {
      const client = await connectedTo(nodes.cluster, nodes.ids[0]);
      for (const name of slotNames('pointsman:test:x')) await client.query('SELECT GET_LOCK(?, 0)', [name]);
      assert.deepEqual((await look(0)).otherProxies, []);
      await client.end();
    });

    test('what a probe asks and takes makes no transaction', async () => {
      const before = await look(0);
      const fresh = probeWith({ applicationName: 'pointsman:fresh:one' });
      for (let i = 0; i < 3; i++) seen(await fresh.observe(target(0)));
      await fresh.close();
      assert.equal(positions.compare((await look(0)).position, before.position), 'equal');
    });

    test('the catalogue is read, and the account of the cluster lacks nothing that a promotion needs', async () => {
      assert.ok((await probe.catalogue(target(0))) !== undefined);
      const asking = probeWith({ replication: nodes.cluster.credentials.replication });
      const findings = await asking.rights(target(0));
      await asking.close();
      assert.ok(findings.some(({ what }) => what === 'replicator may replicate from this node'));
      assert.deepEqual(
        findings.filter((finding) => finding.severity === 'error'),
        [],
      );
    });

    test('an account without rights is told what it lacks, with the statements that mend it', async () => {
      await query(0, "CREATE USER bare@'%' IDENTIFIED BY 'bare'");
      const account = { ...target(0), user: 'bare', password: 'bare' };
      const observation = await probe.observe({ ...account, node: nodeId('bare') });
      assert.deepEqual(
        [observation.kind, observation.kind === 'unseen' && observation.failure],
        ['unseen', 'denied'],
      );
      const asking = probeWith({ replication: { user: 'bare', password: 'bare' } });
      const findings = await asking.rights(account);
      await asking.close();
      assert.match(
        findings.at(-1)?.what ?? '',
        /bare may not replicate from this node: it lacks REPLICATION SLAVE/,
      );
      const errors = findings.filter((finding) => finding.severity === 'error');
      assert.ok(errors.length >= 5);
      const monitor = flavour === 'mysql' ? 'REPLICATION CLIENT' : 'SLAVE MONITOR';
      assert.equal(errors[0]?.mend, `GRANT ${monitor} ON *.* TO 'bare'@'%';`);
    });

    test('a wrong password is denied and no server is refused: neither is the other', async () => {
      const denied = await probe.observe({ ...target(0), node: nodeId('x'), password: 'wrong' });
      assert.equal(denied.kind === 'unseen' && denied.failure, 'denied');
      const gone = await probe.observe({
        ...target(0),
        node: nodeId('y'),
        endpoint: { host: '127.0.0.1', port: 1 },
      });
      assert.equal(gone.kind === 'unseen' && gone.failure, 'refused');
    });

    test('TLS is used where it is asked for; a server without it is refused only if it is required', async () => {
      const observe = (mode: 'prefer' | 'require' | 'verify-full') => {
        const id = nodeId(mode);
        return probe.observe({ ...target(0), node: id, tls: clientTls(mode) });
      };
      const has = flavour === 'mysql';
      const [row] = await query(0, "SHOW GLOBAL VARIABLES LIKE 'have_ssl'");
      assert.equal(row?.['Value'] ?? 'YES', has ? 'YES' : 'DISABLED', 'MySQL makes its own certificate');
      assert.equal((await observe('prefer')).kind, 'seen');
      const required = await observe('require');
      if (has) seen(required);
      else assert.equal(required.kind === 'unseen' && required.failure, 'denied');
      const verified = await observe('verify-full');
      assert.equal(verified.kind === 'unseen' && verified.failure, 'denied', 'nobody vouches for it');
    });

    test('a server that is stopped where it stands is a timeout, and answers again when it goes on', async () => {
      const brief = probeWith({ timeoutMs: 400 });
      seen(await brief.observe(target(1)));
      nodes.cluster.pause(nodes.ids[1]);
      // A signal is sent when `pause` returns; the threads of the server stand still a moment later.
      const hung = await observeUntil(brief, target(1), (observation) => observation.kind === 'unseen');
      nodes.cluster.resume(nodes.ids[1]);
      assert.equal(hung.kind === 'unseen' && hung.failure, 'timeout');
      const back = seen(await observeUntil(brief, target(1), (observation) => observation.kind === 'seen'));
      assert.deepEqual(
        back.otherProxies.filter((name) => name === ''),
        [],
      );
      await brief.close();
    });

    test('replicas of a killed primary say that they no longer receive, at once', async () => {
      const last: Seen = await look(0);
      await nodes.cluster.kill(nodes.ids[0], 'SIGKILL');
      const unseen = await probe.observe(target(0));
      assert.equal(unseen.kind === 'unseen' && unseen.failure, 'refused');
      const replica = seen(
        await observeUntil(probe, target(1), (observation) => seen(observation).receiving?.active === false),
      );
      assert.deepEqual(replica.receiving, { active: false, from: receivesFrom(0) });
      assert.notEqual(positions.compare(replica.received, last.position), 'before');
    });
  });
}
