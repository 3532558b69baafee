import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Introduced, introduction } from '../../../src/demo/intro.ts';
import { demoOptions } from '../../../src/demo/options.ts';

test('without options the demo listens where the README says, restarts what dies, and keeps nothing', () => {
  assert.deepEqual(demoOptions([]), {
    engine: 'postgres',
    port: 6432,
    adminPort: 9632,
    nodePorts: undefined,
    keep: undefined,
    restart: true,
    sync: false,
    logLevel: 'silent',
  });
});

test('every option is read', () => {
  const args = '--port 1 --admin-port 2 --node-ports 3 --keep d --no-restart --sync --log-level info';
  assert.deepEqual(demoOptions([...args.split(' '), '--engine', 'mariadb']), {
    engine: 'mariadb',
    port: 1,
    adminPort: 2,
    nodePorts: 3,
    keep: 'd',
    restart: false,
    sync: true,
    logLevel: 'info',
  });
  assert.equal(demoOptions(['--help']), 'help');
});

const wrong: [args: string[], says: RegExp][] = [
  [['--port', '0'], /--port takes a port from 1 to 65535, not 0/],
  [['--port', '65536'], /--port/],
  [['--admin-port', 'x'], /--admin-port/],
  [['--node-ports', '-1'], /--node-ports/],
  [['--engine', 'oracle'], /no engine oracle: --engine takes postgres, mysql, mariadb/],
  [['--log-level', 'loud'], /--log-level takes/],
  [['--prot', '1'], /'--prot'/],
  [['extra'], /extra/],
];
for (const [args, says] of wrong) {
  test(`'${args.join(' ')}' is refused with what to do`, () => {
    assert.throws(() => demoOptions(args), { code: 'CONFIG', message: says });
    assert.throws(() => demoOptions(args), { message: /pointsman demo --help/ });
  });
}

const doors: [args: string[], port: number][] = [
  [['--engine', 'mysql'], 6033],
  [['--engine', 'mariadb'], 6033],
  [['--engine', 'mysql', '--port', '1'], 1],
];
for (const [args, port] of doors) {
  test(`with '${args.join(' ')}' clients connect to port ${port}`, () => {
    const options = demoOptions(args);
    assert.equal(options !== 'help' && options.port, port);
  });
}

const given: Introduced = {
  engine: 'postgres',
  product: 'PostgreSQL 18',
  port: 6432,
  adminPort: 9632,
  nodes: [
    { id: 'pg-1', role: 'replica', port: 15432, pid: 11 },
    { id: 'pg-2', role: 'primary', port: 15433, pid: 22 },
  ],
  client: 'psql',
  keep: undefined,
  sync: false,
};

test('the first page names the addresses, every node with port and process, and how to kill the primary', () => {
  const page = introduction(given);
  for (const part of [
    'postgres://demo:demo@127.0.0.1:6432/demo',
    'http://127.0.0.1:9632',
    'pg-1     replica   15432    11',
    'pg-2     primary   15433    22',
    'kill -9 22',
    'removes the data',
  ])
    assert.ok(page.includes(part), part);
});

test('without psql the page shows a way that needs none; a kept folder is named', () => {
  const page = introduction({ ...given, client: undefined, keep: '/data' });
  assert.ok(!page.includes('psql '));
  assert.ok(page.includes("require('pg')"));
  assert.ok(page.includes('the data stays in /data'));
});

test("before MySQL and MariaDB the page shows their own client's words, or the driver's", () => {
  const mysql: Introduced = { ...given, engine: 'mysql', product: 'MySQL 9.7', client: 'mysql', port: 6033 };
  const page = introduction(mysql);
  for (const part of [
    'a cluster of MySQL 9.7',
    'mysql://demo:demo@127.0.0.1:6033/demo',
    'mysql -h 127.0.0.1 -P 6033 -u demo -pdemo demo -e "SELECT * FROM note"',
  ])
    assert.ok(page.includes(part), part);
  const without = introduction({ ...mysql, client: undefined });
  assert.ok(without.includes("require('mysql2/promise')"));
  assert.ok(!without.includes('mysql -h'));
});
