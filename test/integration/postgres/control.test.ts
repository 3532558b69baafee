import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Fenced } from '../../../src/core/engine.ts';
import { ProxyError } from '../../../src/core/errors.ts';
import { nodeId, type Seen } from '../../../src/core/node.ts';
import type { EmbeddedCluster } from '../../../src/demo/postgres.ts';
import { PostgresControl } from '../../../src/postgres/control.ts';
import { positions } from '../../../src/postgres/position.ts';
import type { PostgresProbe } from '../../../src/postgres/probe.ts';
import { startCluster } from '../../support/cluster.ts';
import { clientOf, controlOf, observeUntil, probeWith, seen, targetOf } from './servers.ts';

const PORTS = [15463, 15464, 15465];
const proof: Fenced = { node: nodeId('pg-1'), proof: 'links-closed' };

describe('control over a cluster that loses its primary', () => {
  let cluster: EmbeddedCluster;
  let probe: PostgresProbe;
  /** Sees the third node before it follows, and then not until its receiver is gone again. */
  let early: PostgresProbe;
  let control: PostgresControl;
  let last: Seen;

  before(async () => {
    cluster = await startCluster({ ports: PORTS });
    probe = probeWith();
    early = probeWith();
    control = controlOf(cluster);
    await cluster.query('pg-1', 'CREATE TABLE kept (id int)');
  });
  after(async () => {
    await Promise.all([probe.close(), early.close()]);
    await cluster.close();
  });

  test('fence ends the sessions of clients and makes new transactions read-only; unfence lifts it', async () => {
    const target = targetOf(cluster, 'pg-1');
    const client = await clientOf(cluster, 'pg-1');
    const ended = new Promise((resolve) => client.once('end', resolve));
    seen(await probe.observe(target));
    const streams = "SELECT pid FROM pg_stat_replication WHERE state = 'streaming' ORDER BY pid";
    const own = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'pointsman:%'";
    const before = [await cluster.query('pg-1', streams), await cluster.query('pg-1', own)];

    await control.fence(target);
    await ended;
    await assert.rejects(cluster.query('pg-1', 'INSERT INTO kept VALUES (0)'), /read-only transaction/);
    assert.deepEqual([await cluster.query('pg-1', streams), await cluster.query('pg-1', own)], before);

    await control.unfence(target);
    await cluster.query('pg-1', 'INSERT INTO kept VALUES (1)');
    await control.unfence(target);
  });

  test('a node that is no replica cannot be let follow', async () => {
    await assert.rejects(
      control.follow(targetOf(cluster, 'pg-1'), targetOf(cluster, 'pg-2')),
      (error: unknown) => error instanceof ProxyError && /pg-1 is not a replica/.test(error.message),
    );
  });

  test('the proof of a fence must be of another node than the one that is promoted', async () => {
    const own: Fenced = { node: nodeId('pg-2'), proof: 'operator' };
    await assert.rejects(control.promote(targetOf(cluster, 'pg-2'), own), ProxyError);
    assert.equal(seen(await probe.observe(targetOf(cluster, 'pg-2'))).role, 'replica');
  });

  test('promotion gives a greater timeline at once, lifts a fence, and can be asked for again', async () => {
    const target = targetOf(cluster, 'pg-2');
    await control.fence(target);
    for (const { id } of cluster.nodes) seen(await probe.observe(targetOf(cluster, id)));
    last = seen(await probe.observe(targetOf(cluster, 'pg-1')));
    await observeUntil(
      probe,
      target,
      (observation) => positions.compare(seen(observation).received, last.position) !== 'before',
    );
    await cluster.kill('pg-1', 'SIGKILL');

    const { branch } = await control.promote(target, proof);
    assert.equal(branch, '2');
    const promoted = seen(await probe.observe(target));
    assert.equal(promoted.role, 'primary');
    assert.equal(promoted.branch, '2');
    assert.equal(positions.compare(last.position, promoted.position), 'before');
    await cluster.query('pg-2', 'INSERT INTO kept VALUES (2)');
    assert.deepEqual(await control.promote(target, proof), { branch: '2' });
  });

  test('the third node follows the new primary without a restart, over a slot, and streams', async () => {
    const target = targetOf(cluster, 'pg-3');
    const { pid } = cluster.node('pg-3');
    assert.equal(seen(await early.observe(target)).branch, '1');
    await control.follow(target, targetOf(cluster, 'pg-2'));
    const primary = seen(await probe.observe(targetOf(cluster, 'pg-2')));
    const replica = await observeUntil(probe, target, (observation) => {
      const order = positions.compare(seen(observation).position, primary.position);
      return order === 'equal' || order === 'after';
    });
    assert.deepEqual(seen(replica).receiving, { active: true, from: `127.0.0.1:${PORTS[1]}` });
    assert.equal(seen(replica).branch, '2');
    assert.equal(cluster.node('pg-3').pid, pid);
    const rows = await cluster.query('pg-2', 'SELECT slot_name, active FROM pg_replication_slots');
    assert.deepEqual(
      rows.map((row) => ({ ...row })),
      [{ slot_name: 'pointsman_pg_3', active: true }],
    );
    const [sender] = await cluster.query('pg-2', 'SELECT application_name AS name FROM pg_stat_replication');
    assert.equal(sender?.['name'], 'pg-3', 'synchronous_standby_names finds it by the name of the node');
    await control.follow(target, targetOf(cluster, 'pg-2'));
  });

  test('an old primary that went on by itself is diverged from the new one, and from its replica', async () => {
    await cluster.startNode('pg-1');
    const old = targetOf(cluster, 'pg-1');
    await cluster.query('pg-1', 'INSERT INTO kept SELECT generate_series(1, 1000)');
    const superseded = seen(await probe.observe(old));
    assert.equal(superseded.role, 'primary');
    for (const id of ['pg-2', 'pg-3']) {
      const node = seen(await probe.observe(targetOf(cluster, id)));
      assert.equal(positions.compare(superseded.position, node.position), 'diverged');
      assert.equal(positions.distance(superseded.position, node.position), undefined);
      assert.equal(positions.compare(last.position, node.position), 'before', 'up to the fork they agree');
    }
  });

  test('a follow that cannot succeed ends in its time, says what it saw, and never the password', async () => {
    const brief = controlOf(cluster, 700);
    const { password } = cluster.credentials.replication;
    await cluster.stop('pg-1');
    await assert.rejects(
      brief.follow(targetOf(cluster, 'pg-3'), targetOf(cluster, 'pg-1')),
      (error: unknown) =>
        error instanceof ProxyError &&
        error.code === 'CONNECT_FAILED' &&
        /pg-3/.test(error.message) &&
        !`${error.message} ${error.stack}`.includes(password),
    );
    const wrong = 'not-the-password';
    const misled = new PostgresControl({
      timeoutMs: 700,
      applicationName: 'pointsman:test:one',
      replication: { ...cluster.credentials.replication, password: wrong },
    });
    await assert.rejects(
      misled.follow(targetOf(cluster, 'pg-3'), targetOf(cluster, 'pg-2')),
      (error: unknown) => error instanceof ProxyError && !error.message.includes(wrong),
    );
    await control.follow(targetOf(cluster, 'pg-3'), targetOf(cluster, 'pg-2'));
  });

  test('a replica whose receiver came and went between two observations is seen on its timeline', async () => {
    const target = targetOf(cluster, 'pg-3');
    await observeUntil(
      early,
      targetOf(cluster, 'pg-2'),
      (observation) => seen(observation).role === 'primary',
    );
    await cluster.stop('pg-2', 'immediate');
    const replica = await observeUntil(
      early,
      target,
      (observation) => seen(observation).receiving?.active === false,
    );
    assert.equal(seen(replica).branch, '2');
    await cluster.startNode('pg-2');
  });

  test('a node that is gone is told apart from one that refuses', async () => {
    await assert.rejects(control.unfence(targetOf(cluster, 'pg-1')), {
      code: 'CONNECT_FAILED',
      retry: 'safe',
    });
    const { client } = cluster.credentials;
    await assert.rejects(control.unfence({ ...targetOf(cluster, 'pg-2'), ...client }), {
      code: 'NODE_REFUSED',
    });
  });
});
