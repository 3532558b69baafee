import assert from 'node:assert/strict';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { check } from '../../../src/commands/check.ts';
import type { EmbeddedCluster } from '../../../src/demo/postgres.ts';
import { startCluster } from '../../support/cluster.ts';
import { probeWith, seen, targetOf } from './servers.ts';

const PORTS = [15466, 15467];

describe('pointsman check', () => {
  let cluster: EmbeddedCluster;
  let folder: string;

  before(async () => {
    cluster = await startCluster({ ports: PORTS, replicas: 1 });
    folder = await mkdtemp(join(tmpdir(), 'pointsman-check-'));
  });
  after(async () => {
    await cluster.close();
    await rm(folder, { recursive: true, force: true });
  });

  interface Logins {
    readonly monitor?: { readonly user: string; readonly password: string };
    readonly replication?: { readonly user: string; readonly password: string };
  }

  async function checked(logins: Logins = {}): Promise<{ code: number; said: string }> {
    const { monitor, replication } = { ...cluster.credentials, ...logins };
    const node = (port: number, index: number) => ({ name: `pg-${index + 1}`, host: '127.0.0.1', port });
    const config = {
      clusters: [
        {
          name: 'main',
          engine: 'postgres',
          listen: { port: 6432 },
          nodes: PORTS.map(node),
          users: [{ name: 'demo', password: 'demo' }],
          monitor: { user: monitor.user, password: monitor.password },
          failover: { mode: 'promote', replication },
        },
      ],
    };
    const file = join(folder, 'config.yaml');
    await writeFile(file, JSON.stringify(config));
    let said = '';
    const code = await check(['-c', file], (text) => {
      said += text;
    });
    return { code, said };
  }

  test('a cluster that lacks nothing: 0, and every node with role, version and timeline', async () => {
    const { code, said } = await checked();
    assert.equal(code, 0, said);
    assert.match(said, /pg-1 {2}127\.0\.0\.1:15466 {2}primary, version 18\.\S+, timeline 1/);
    assert.match(said, /pg-2 {2}127\.0\.0\.1:15467 {2}replica of 127\.0\.0\.1:15466/);
    assert.match(said, /pg-1, pg-2 +the account may promote, repoint and fence this node/);
    assert.match(said, /pg-1, pg-2 +replicator may replicate from this node/);
    assert.match(said, /errors: 0/);
  });

  test('I12: a running proxy does not take it for another instance', async () => {
    const probe = probeWith({ applicationName: 'pointsman:main:running' });
    const target = targetOf(cluster, 'pg-1');
    const names = new Set<string>();
    const done = checked().then(() => true);
    while (!(await Promise.race([done, probe.observe(target).then(() => false)])))
      for (const name of seen(await probe.observe(target)).otherProxies) names.add(name);
    await probe.close();
    assert.deepEqual([...names], []);
  });

  test('wrong passwords are errors: 1, each with what to mend, and never shown', async () => {
    const replication = { user: 'replicator', password: 'wrong-one' };
    const one = await checked({ replication });
    assert.equal(one.code, 1);
    assert.match(
      one.said,
      /error +pg-1, pg-2 +replicator may not replicate .*password authentication failed/,
    );
    const monitor = { user: 'pointsman', password: 'wrong-two' };
    const two = await checked({ monitor });
    assert.equal(two.code, 1);
    assert.match(two.said, /pg-1 {2}127\.0\.0\.1:15466 {2}denied/);
    assert.ok(!`${one.said}${two.said}`.includes('wrong-'));
  });

  test('forbidden ALTER SYSTEM is an error of the node that forbids it', async () => {
    await cluster.stop('pg-2');
    await appendFile(
      join(cluster.node('pg-2').dataFolder, 'postgresql.conf'),
      '\nallow_alter_system = off\n',
    );
    await cluster.startNode('pg-2');
    const { code, said } = await checked();
    assert.equal(code, 1);
    assert.match(said, /error +pg-2 +allow_alter_system is off/);
  });

  test('a node that is down is an error that says so, and the others are still checked', async () => {
    await cluster.stop('pg-2');
    const { code, said } = await checked();
    assert.equal(code, 1);
    assert.match(said, /pg-2 {2}127\.0\.0\.1:15467 {2}refused/);
    assert.match(said, /-> start the server/);
    assert.match(said, /ok +pg-1 +the account may observe this node/);
  });

  test('a missing file, an unknown option and no option are said in plain words', async () => {
    let said = '';
    const print = (text: string): void => {
      said += text;
    };
    assert.equal(await check(['-c', join(folder, 'missing.yaml')], print), 1);
    assert.match(said, /cannot read the configuration file .*missing\.yaml/);
    assert.equal(await check(['--what'], print), 2);
    assert.match(said, /--what/);
    assert.equal(await check([], print), 2);
    assert.equal(await check(['--help'], print), 0);
  });
});
