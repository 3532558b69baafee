import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { startProxy } from '../../src/app.ts';
import type { ConfigInput } from '../../src/config/config.ts';
import { configOf } from '../../src/config/config.ts';
import { ProxyError } from '../../src/core/errors.ts';
import type { EmbeddedCluster } from '../../src/demo/postgres.ts';
import { childrenOf, isRunning } from '../chaos/processes.ts';
import { becomes } from '../support/becomes.ts';
import { startCluster } from '../support/cluster.ts';
import { SpawnedProxy } from '../support/spawned.ts';
import { takenPort } from '../support/taken-port.ts';

const HOST = '127.0.0.1';
const WORKERS = 2;

describe('a proxy with workers ends', () => {
  let cluster: EmbeddedCluster;
  before(async () => {
    cluster = await startCluster({ replicas: 0 });
  });
  after(() => cluster.close());

  const config = (port = 0): ConfigInput => {
    const { client, monitor } = cluster.credentials;
    return {
      admin: false,
      workers: WORKERS,
      clusters: [
        {
          name: 'main',
          engine: 'postgres',
          listen: { host: HOST, port },
          nodes: cluster.nodes.map(({ id, port }) => ({ name: id, host: HOST, port })),
          users: [{ name: client.user, password: client.password }],
          monitor: { ...monitor, database: client.database },
        },
      ],
    };
  };

  async function connected(port: number): Promise<pg.Client> {
    const client = new pg.Client({ ...cluster.credentials.client, host: HOST, port });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  test('at SIGTERM: its clients are told, and no process is left', async () => {
    await using proxy = await SpawnedProxy.start(config());
    const workers = childrenOf(proxy.pid);
    assert.equal(workers.length, WORKERS);
    const client = await connected(proxy.port);
    const told = new Promise<unknown>((resolve) => client.once('error', resolve));
    process.kill(proxy.pid, 'SIGTERM');
    assert.equal(((await told) as { code?: string }).code, '57P01');
    await becomes('all processes have ended', () => ![proxy.pid, ...workers].some(isRunning), 10_000);
    assert.ok(!proxy.log.some(({ event }) => event === 'worker.ended'), 'no worker was missed');
  });

  test('at a SIGTERM that every process of it gets, in the same way', async () => {
    await using proxy = await SpawnedProxy.start(config());
    const all = [...childrenOf(proxy.pid), proxy.pid];
    const client = await connected(proxy.port);
    const told = new Promise<unknown>((resolve) => client.once('error', resolve));
    for (const pid of all) process.kill(pid, 'SIGTERM');
    assert.equal(((await told) as { code?: string }).code, '57P01');
    await becomes('all processes have ended', () => !all.some(isRunning), 10_000);
  });

  test('by SIGKILL: its workers end by themselves', async () => {
    await using proxy = await SpawnedProxy.start(config());
    const workers = childrenOf(proxy.pid);
    const client = await connected(proxy.port);
    const gone = new Promise((resolve) => client.once('end', resolve));
    process.kill(proxy.pid, 'SIGKILL');
    await gone;
    await becomes('no worker is left', () => !workers.some(isRunning), 5_000);
  });

  test('before it begins, on a port that another process has, shared or not', async () => {
    await using first = await SpawnedProxy.start(config());
    const children = childrenOf(process.pid);
    const refused = (port: number): Promise<void> =>
      assert.rejects(
        startProxy(configOf({ ...config(port), log: { level: 'silent' } }, { file: 'a test', env: {} })),
        (error) => error instanceof ProxyError && error.code === 'PORT_TAKEN',
      );
    await refused(first.port);
    await using other = await takenPort();
    await refused(other.port);
    assert.deepEqual(childrenOf(process.pid), children, 'no worker is left behind');
  });
});
