import assert from 'node:assert/strict';
import { test } from 'node:test';
import mysql from 'mysql2/promise';
import pg from 'pg';
import {
  FLOOR,
  type FloorName,
  LOGIN_FLOOR,
  REPLICA_FLOOR,
  startFloor,
  TRANSACTION_FLOOR,
} from '../../bench/floor/floor.ts';
import type { EngineName } from '../../src/demo/cluster.ts';
import { anyPorts } from '../../src/demo/ports.ts';
import { until } from '../../src/demo/until.ts';
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

interface Floor extends AsyncDisposable {
  readonly facts: ConnectionFacts;
}

/** A cluster, and a form of the floor before its servers. */
async function floorBefore(engine: EngineName, name: FloorName, links?: number): Promise<Floor> {
  await using starting = new AsyncDisposableStack();
  const cluster = starting.use(await startAnyCluster(engine));
  const [primary, ...others] = cluster.nodes;
  const direct = { port: primary?.port ?? 0, ...cluster.credentials.client };
  const replicas = others.map(({ port }) => port);
  const [port = 0] = await anyPorts(1);
  starting.use(await startFloor({ engine, direct, replicas }, port, name, links));
  const owned = starting.move();
  const facts = { ...direct, host: '127.0.0.1', port };
  return { facts, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

for (const engine of ['postgres', 'mysql', 'mariadb'] as const) {
  const title = `${engine}: the floor gives many clients their own answers over two server connections`;
  test(title, { skip: SKIPPED[engine], timeout: TEST_WITHIN }, async () => {
    await using floor = await floorBefore(engine, FLOOR);
    const connect = engine === 'postgres' ? postgresClient : mysqlClient;
    const clients: Client[] = [];
    try {
      for (let id = 0; id < CLIENTS; id++) clients.push(await connect(floor.facts));
      const links = await Promise.all(clients.map(asked));
      assert.equal(new Set(links.flat()).size, 2);
    } finally {
      await Promise.all(clients.map((client) => client.end()));
    }
  });
}

test('the floor before the replicas gives many clients their own answers from both of them', {
  timeout: TEST_WITHIN,
}, async () => {
  await using floor = await floorBefore('postgres', REPLICA_FLOOR);
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => postgresClient(floor.facts)));
  const watcher = new pg.Client(floor.facts);
  try {
    const links = await Promise.all(clients.map(asked));
    assert.equal(new Set(links.flat()).size, 2);
    await watcher.connect();
    const { rows } = await watcher.query('SELECT pg_is_in_recovery() AS replica');
    assert.deepEqual(rows, [{ replica: true }]);
  } finally {
    await Promise.all([...clients, watcher].map((client) => client.end()));
  }
});

const TRANSACTIONS = 5;
const LINKS = 8;
const REPLACED_WITHIN = 20_000;

/** Makes transactions, each on one server connection from its begin to its end; those connections. */
async function transacted(client: pg.Client): Promise<number[]> {
  const link = async (): Promise<number> =>
    (await client.query('SELECT pg_backend_pid() AS link')).rows[0]?.link;
  const links: number[] = [];
  for (let at = 0; at < TRANSACTIONS; at++) {
    await client.query('BEGIN');
    links.push(await link());
    assert.equal(await link(), links.at(-1));
    await client.query('COMMIT');
  }
  return links;
}

test('the floor of transactions has as many server connections as it is told, also after a client left within its own', {
  timeout: TEST_WITHIN,
}, async () => {
  await using floor = await floorBefore('postgres', TRANSACTION_FLOOR, LINKS);
  const clients = Array.from({ length: CLIENTS }, () => new pg.Client(floor.facts));
  const linksOfAll = async (): Promise<Set<number>> =>
    new Set((await Promise.all(clients.map(transacted))).flat());
  try {
    await Promise.all(clients.map((client) => client.connect()));
    const links = await linksOfAll();
    assert.equal(links.size, LINKS);
    const leaving = new pg.Client(floor.facts);
    await leaving.connect();
    await leaving.query('BEGIN');
    await leaving.end();
    // Another one takes the place of the one that it had.
    const isNew = (link: number): boolean => !links.has(link);
    assert.ok(await until(async () => [...(await linksOfAll())].some(isNew), REPLACED_WITHIN));
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
});

test('the floor of log-ins lets in who knows the password, and nobody else', {
  timeout: TEST_WITHIN,
}, async () => {
  await using floor = await floorBefore('postgres', LOGIN_FLOOR);
  for (let at = 0; at < 3; at++) {
    const client = new pg.Client(floor.facts);
    await client.connect();
    await client.end();
  }
  await assert.rejects(new pg.Client({ ...floor.facts, password: 'another' }).connect());
});
