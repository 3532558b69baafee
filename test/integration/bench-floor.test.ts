import assert from 'node:assert/strict';
import { test } from 'node:test';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { startFloor } from '../../bench/floor/floor.ts';
import type { EngineName } from '../../src/demo/cluster.ts';
import { anyPorts } from '../../src/demo/ports.ts';
import { mariadbServer, mysqlServer } from '../engine/mysql.ts';
import { startAnyCluster } from '../support/cluster.ts';
import type { ConnectionFacts } from '../support/stage.ts';

const CLIENTS = 40;
const QUERIES = 25;
/** An answer that is lost ends no wait by itself. */
const TEST_WITHIN = 60_000;

/** A client that asks for a word, and for the server connection that it was asked on. */
interface Client {
  readonly ask: (word: string) => Promise<{ word: string; link: number }[]>;
  readonly end: () => Promise<void>;
}

async function postgresClient(facts: ConnectionFacts): Promise<Client> {
  const client = new pg.Client(facts);
  await client.connect();
  const ask = async (word: string) =>
    (await client.query(`SELECT '${word}' AS word, pg_backend_pid() AS link`)).rows;
  return { ask, end: () => client.end() };
}

async function mysqlClient(facts: ConnectionFacts): Promise<Client> {
  const client = await mysql.createConnection({ ...facts });
  const ask = async (word: string) => {
    const [rows] = await client.query(`SELECT '${word}' AS word, CONNECTION_ID() AS link`);
    return rows as { word: string; link: number }[];
  };
  return { ask, end: () => client.end() };
}

/** Asks one query after the other, each with an answer of its own length; the connections that answered. */
async function asked({ ask }: Client, id: number): Promise<number[]> {
  const links: number[] = [];
  for (let at = 0; at < QUERIES; at++) {
    const word = `${id}.${at}.${'x'.repeat((id * at) % 97)}`;
    const rows = await ask(word);
    assert.deepEqual(
      rows.map((row) => row.word),
      [word],
    );
    links.push(...rows.map(({ link }) => link));
  }
  return links;
}

const SKIPPED: Readonly<Record<EngineName, string | false>> = {
  postgres: false,
  mysql: mysqlServer.skip,
  mariadb: mariadbServer.skip,
};

for (const engine of ['postgres', 'mysql', 'mariadb'] as const) {
  const title = `${engine}: the floor gives many clients their own answers over two server connections`;
  test(title, { skip: SKIPPED[engine], timeout: TEST_WITHIN }, async () => {
    await using cluster = await startAnyCluster(engine);
    const [primary] = cluster.nodes;
    const direct = { port: primary?.port ?? 0, ...cluster.credentials.client };
    const [port = 0] = await anyPorts(1);
    await using _floor = await startFloor({ engine, direct }, port);
    const connect = engine === 'postgres' ? postgresClient : mysqlClient;
    const clients: Client[] = [];
    try {
      for (let id = 0; id < CLIENTS; id++)
        clients.push(await connect({ ...direct, host: '127.0.0.1', port }));
      const links = await Promise.all(clients.map(asked));
      assert.equal(new Set(links.flat()).size, 2);
    } finally {
      await Promise.all(clients.map((client) => client.end()));
    }
  });
}
