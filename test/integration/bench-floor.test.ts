import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { startFloor } from '../../bench/floor/floor.ts';
import { anyPorts } from '../../src/demo/ports.ts';
import { startCluster } from '../support/cluster.ts';

const CLIENTS = 40;
const QUERIES = 25;

test('the floor of the benchmark gives many clients their own answers over two server connections', async () => {
  await using cluster = await startCluster();
  const [primary] = cluster.nodes;
  const direct = { port: primary?.port ?? 0, ...cluster.credentials.client };
  const [port = 0] = await anyPorts(1);
  await using _floor = await startFloor({ direct }, port);
  const clients = Array.from(
    { length: CLIENTS },
    () => new pg.Client({ ...direct, host: '127.0.0.1', port }),
  );
  try {
    await Promise.all(clients.map((client) => client.connect()));
    const served = await Promise.all(clients.map(ask));
    assert.equal(new Set(served.flat()).size, 2);
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
});

/** Numbers, one query after the other, each with an answer of its own length; the server processes that answered. */
async function ask(client: pg.Client, id: number): Promise<number[]> {
  const served: number[] = [];
  for (let at = 0; at < QUERIES; at++) {
    const word = `${id}.${at}.${'x'.repeat((id * at) % 97)}`;
    const { rows } = await client.query(`SELECT '${word}' AS word, pg_backend_pid() AS pid`);
    assert.equal(rows.length, 1);
    assert.equal(rows[0].word, word);
    served.push(rows[0].pid);
  }
  return served;
}
