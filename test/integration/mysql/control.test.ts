import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Control, Fenced } from '../../../src/core/engine.ts';
import { ProxyError } from '../../../src/core/errors.ts';
import { nodeId, type Seen } from '../../../src/core/node.ts';
import { MysqlControl } from '../../../src/mysql/control.ts';
import { positions } from '../../../src/mysql/position.ts';
import type { MysqlProbe } from '../../../src/mysql/probe.ts';
import { need } from '../../support/need.ts';
import {
  connectedTo,
  controlOf,
  type Nodes,
  observeUntil,
  probeWith,
  reaches,
  seen,
  startNodes,
  targetOf,
} from './servers.ts';

const refusal = /read.only/i;

for (const [flavour, program] of [['mysql', 'mysqld'] as const, ['mariadb', 'mariadbd'] as const]) {
  describe(`control over a ${flavour} cluster that loses its primary`, { skip: need(program) }, () => {
    let nodes: Nodes;
    let probe: MysqlProbe;
    let control: Control;
    let last: Seen;
    let proof: Fenced;
    const target = (index: 0 | 1 | 2) => targetOf(nodes.cluster, nodes.ids[index]);
    const query = (index: 0 | 1 | 2, sql: string) => nodes.cluster.query(nodes.ids[index], sql);
    const look = async (index: 0 | 1 | 2) => seen(await probe.observe(target(index)));

    before(async () => {
      nodes = await startNodes(flavour);
      probe = probeWith();
      control = controlOf(nodes.cluster);
      proof = { node: nodeId(nodes.ids[0]), proof: 'links-closed' };
      await query(0, 'CREATE TABLE kept (id int primary key)');
    });
    after(async () => {
      await probe.close();
      await nodes.cluster.close();
    });

    test('fence makes a node read-only and ends the sessions of clients, whatever they hold; unfence lifts it', async () => {
      const client = await connectedTo(nodes.cluster, nodes.ids[0]);
      // On MySQL only an account with SYSTEM_USER may end an administrator's session; on MariaDB only KILL stops it.
      const as = flavour === 'mysql' ? 'client' : 'superuser';
      const locker = await connectedTo(nodes.cluster, nodes.ids[0], as);
      await locker.query('LOCK TABLES kept WRITE');
      const own = await look(0);
      const streams = () =>
        query(
          0,
          "SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%' ORDER BY ID",
        );
      const before = await streams();

      await control.fence(target(0));
      await assert.rejects(client.query('SELECT 1'));
      await assert.rejects(locker.query('SELECT 1'));
      const writer = await connectedTo(nodes.cluster, nodes.ids[0]);
      await assert.rejects(writer.query('INSERT INTO kept VALUES (0)'), refusal);
      await writer.end();
      assert.deepEqual(await streams(), before, 'replicas go on receiving');
      const fenced = await look(0);
      assert.equal(fenced.role, 'replica');
      assert.equal(fenced.receiving, undefined, 'it is set up to receive from nobody');
      assert.equal(
        positions.compare(fenced.position, own.position),
        'equal',
        'nothing of it is in the binary log',
      );
      assert.deepEqual(fenced.otherProxies, []);

      await control.unfence(target(0));
      await query(0, 'INSERT INTO kept VALUES (1)');
      await control.unfence(target(0));
      assert.equal((await look(0)).role, 'primary');
    });

    test('a replica stays read-only when a fence is lifted from it', async () => {
      await control.unfence(target(1));
      assert.equal((await look(1)).role, 'replica');
      const client = await connectedTo(nodes.cluster, nodes.ids[1]);
      await assert.rejects(client.query('INSERT INTO kept VALUES (99)'), refusal);
      await client.end();
    });

    test('a node that takes writes and follows nobody cannot be let follow', async () => {
      await assert.rejects(
        control.follow(target(0), target(1)),
        (error: unknown) => error instanceof ProxyError && /takes writes/.test(error.message),
      );
      assert.equal((await look(0)).role, 'primary');
    });

    test('a node that takes no writes cannot be followed', async () => {
      await assert.rejects(
        control.follow(target(2), target(1)),
        (error: unknown) => error instanceof ProxyError && /takes no writes/.test(error.message),
      );
      await observeUntil(
        probe,
        target(2),
        (observation) => seen(observation).receiving?.from === `127.0.0.1:${target(0).endpoint.port}`,
      );
    });

    test('the proof of a fence must be of another node than the one that is promoted', async () => {
      const own: Fenced = { node: nodeId(nodes.ids[1]), proof: 'operator' };
      await assert.rejects(control.promote(target(1), own), ProxyError);
      assert.equal((await look(1)).role, 'replica');
    });

    test('promotion applies what was received, takes writes, and can be asked for again', async () => {
      const stop = flavour === 'mysql' ? 'STOP REPLICA SQL_THREAD' : 'STOP SLAVE SQL_THREAD';
      await query(1, stop);
      await query(0, 'INSERT INTO kept VALUES (2)');
      last = await look(0);
      const behind = await observeUntil(probe, target(1), (observation) => {
        const order = positions.compare(seen(observation).received, last.position);
        return order === 'equal';
      });
      assert.equal(positions.compare(seen(behind).position, last.position), 'before');
      assert.equal(positions.distance(seen(behind).position, last.position), 1_024);
      await observeUntil(probe, target(2), (observation) => reaches(observation, last));
      await nodes.cluster.kill(nodes.ids[0], 'SIGKILL');

      assert.deepEqual(await control.promote(target(1), proof), { branch: '' });
      const promoted = await look(1);
      assert.equal(promoted.role, 'primary');
      assert.equal(positions.compare(promoted.position, last.position), 'equal');
      await query(1, 'INSERT INTO kept VALUES (3)');
      assert.equal((await query(1, 'SELECT * FROM kept')).length, 3);
      assert.deepEqual(await control.promote(target(1), proof), { branch: '' });
    });

    test('the third node follows the new primary without a restart', async () => {
      const { pid } = nodes.cluster.node(nodes.ids[2]);
      const lost = await look(2);
      assert.equal(lost.receiving?.active, false, 'its receiver has lost the old primary');
      await control.follow(target(2), target(1));
      const primary = await look(1);
      const replica = await observeUntil(probe, target(2), (observation) => reaches(observation, primary));
      assert.deepEqual(seen(replica).receiving, {
        active: true,
        from: `127.0.0.1:${target(1).endpoint.port}`,
      });
      assert.equal(positions.compare(seen(replica).position, last.position), 'after');
      assert.equal(nodes.cluster.node(nodes.ids[2]).pid, pid);
      await control.follow(target(2), target(1));
    });

    test('an old primary with nothing of its own becomes a replica', async () => {
      await nodes.cluster.startNode(nodes.ids[0]);
      const back = await look(0);
      assert.deepEqual([back.role, back.receiving], ['replica', undefined]);
      assert.equal(positions.compare(back.position, (await look(1)).position), 'before');
      await control.follow(target(0), target(1));
      const primary = await look(1);
      await observeUntil(probe, target(0), (observation) => reaches(observation, primary));
      await query(1, 'INSERT INTO kept VALUES (4)');
      const more = await look(1);
      await observeUntil(probe, target(0), (observation) => reaches(observation, more));
    });

    test('a node that has what the primary lacks is not let follow, and the transactions are named', async () => {
      const stop =
        flavour === 'mysql' ? ['STOP REPLICA', 'RESET REPLICA ALL'] : ['STOP SLAVE', 'RESET SLAVE ALL'];
      for (const statement of stop) await query(0, statement);
      await control.unfence(target(0));
      await query(0, 'INSERT INTO kept VALUES (77)');
      await control.fence(target(0));
      const parted = await look(0);
      const primary = await look(1);
      assert.equal(positions.compare(parted.position, primary.position), 'diverged');
      const [name] = await query(0, 'SELECT @@server_uuid AS mysql, @@server_id AS mariadb').catch(() =>
        query(0, "SELECT '' AS mysql, @@server_id AS mariadb"),
      );
      const own = flavour === 'mysql' ? `${name?.['mysql']}:` : `0-${name?.['mariadb']}-`;
      await assert.rejects(
        control.follow(target(0), target(1)),
        (error: unknown) =>
          error instanceof ProxyError &&
          error.code === 'NODE_REFUSED' &&
          error.message.includes('has transactions that') &&
          error.message.includes(own),
      );
      assert.equal((await look(0)).receiving, undefined);
    });

    test('a follow that cannot succeed ends in its time, says what it saw, and never the password', async () => {
      const wrong = 'not-the-password';
      const misled = new MysqlControl({
        timeoutMs: 3_000,
        applicationName: 'pointsman:test:one',
        replication: { ...nodes.cluster.credentials.replication, password: wrong },
      });
      const stop = flavour === 'mysql' ? 'STOP REPLICA' : 'STOP SLAVE';
      await query(2, stop);
      await assert.rejects(
        misled.follow(target(2), target(1)),
        (error: unknown) =>
          error instanceof ProxyError &&
          error.message.includes(nodes.ids[2]) &&
          !error.message.includes(wrong),
      );
      await control.follow(target(2), target(1));
    });

    test('an applier that fails keeps a node from being promoted, with its reason', async () => {
      await query(2, 'SET GLOBAL read_only = OFF');
      const admin = await connectedTo(nodes.cluster, nodes.ids[2], 'superuser');
      await admin.query('SET sql_log_bin = 0');
      await admin.query('INSERT INTO kept VALUES (5)');
      await admin.end();
      await query(1, 'INSERT INTO kept VALUES (5)');
      const goal = await look(1);
      await observeUntil(
        probe,
        target(2),
        (observation) => positions.compare(seen(observation).received, goal.position) === 'equal',
      );
      await assert.rejects(
        control.promote(target(2), proof),
        (error: unknown) =>
          error instanceof ProxyError && /cannot apply what it has received: ./.test(error.message),
      );
      assert.equal((await look(2)).role, 'replica');
    });

    test('a node that is gone is told apart from one that refuses', async () => {
      const { client } = nodes.cluster.credentials;
      await assert.rejects(control.fence({ ...target(1), ...client, database: '' }), {
        code: 'NODE_REFUSED',
      });
      await nodes.cluster.kill(nodes.ids[1], 'SIGKILL');
      await assert.rejects(control.unfence(target(1)), { code: 'CONNECT_FAILED', retry: 'safe' });
    });
  });

  describe(`control over a ${flavour} cluster whose commits wait for a replica`, {
    skip: need(program),
  }, () => {
    let nodes: Nodes;
    let probe: MysqlProbe;
    let control: Control;
    const target = (index: 0 | 1 | 2) => targetOf(nodes.cluster, nodes.ids[index]);
    const query = (index: 0 | 1 | 2, sql: string) => nodes.cluster.query(nodes.ids[index], sql);

    before(async () => {
      nodes = await startNodes(flavour, { synchronous: true });
      probe = probeWith();
      control = controlOf(nodes.cluster);
      await query(0, 'CREATE TABLE kept (id int primary key)');
    });
    after(async () => {
      await probe.close();
      await nodes.cluster.close();
    });

    test('a commit that waits for replicas that are away does not keep a primary from being fenced', async () => {
      for (const index of [1, 2] as const) nodes.cluster.pause(nodes.ids[index]);
      const client = await connectedTo(nodes.cluster, nodes.ids[0]);
      const commit = client.query('INSERT INTO kept VALUES (1)').catch((error: unknown) => error);
      const waiting = `SELECT 1 FROM information_schema.PROCESSLIST WHERE STATE LIKE '%semi-sync ACK%'`;
      while ((await query(0, waiting)).length === 0);
      await control.fence(target(0));
      await commit;
      assert.equal(seen(await probe.observe(target(0))).role, 'replica');
      for (const index of [1, 2] as const) nodes.cluster.resume(nodes.ids[index]);
      await control.unfence(target(0));
      assert.equal(seen(await probe.observe(target(0))).sync.needed, 1, 'it waits as before');
      await query(0, 'INSERT INTO kept VALUES (2)');
    });

    test('after a promotion commits wait for a replica of the new primary', async () => {
      const last = seen(await probe.observe(target(0)));
      await observeUntil(
        probe,
        target(1),
        (observation) => positions.compare(seen(observation).received, last.position) === 'equal',
      );
      await observeUntil(probe, target(2), (observation) => reaches(observation, last));
      await nodes.cluster.kill(nodes.ids[0], 'SIGKILL');
      await control.promote(target(1), { node: nodeId(nodes.ids[0]), proof: 'links-closed' });
      assert.deepEqual(seen(await probe.observe(target(1))).sync, { needed: 1, listed: 2 });
      let done = false;
      const commit = query(1, 'INSERT INTO kept VALUES (3)').then(() => {
        done = true;
      });
      await query(1, 'SELECT 1');
      assert.equal(done, false);
      await control.follow(target(2), target(1));
      await commit;
      assert.deepEqual(seen(await probe.observe(target(2))).sync, { needed: 0, listed: 0 });
    });

    test('an old primary whose commits waited becomes a replica that acknowledges and waits for nobody', async () => {
      await nodes.cluster.startNode(nodes.ids[0]);
      const [source, replica] =
        flavour === 'mysql'
          ? ['rpl_semi_sync_source', 'rpl_semi_sync_replica']
          : ['rpl_semi_sync_master', 'rpl_semi_sync_slave'];
      await query(0, `SET GLOBAL ${source}_enabled = ON`);
      await query(0, `SET GLOBAL ${replica}_enabled = OFF`);
      await control.follow(target(0), target(1));
      const [row] = await query(
        0,
        `SELECT @@global.${source}_enabled AS waits, @@global.${replica}_enabled AS acknowledges`,
      );
      assert.deepEqual([Number(row?.['waits']), Number(row?.['acknowledges'])], [0, 1]);
      await query(1, 'INSERT INTO kept VALUES (4)');
      const primary = seen(await probe.observe(target(1)));
      await observeUntil(probe, target(0), (observation) => reaches(observation, primary));
    });
  });
}
