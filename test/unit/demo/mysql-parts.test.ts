import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshCredentials } from '../../../src/demo/credentials.ts';
import { accountStatements } from '../../../src/demo/mysql-accounts.ts';
import { houseOf } from '../../../src/demo/mysql-house.ts';
import { isOfOneNode } from '../../../src/demo/mysql-layout.ts';
import { covers } from '../../../src/demo/mysql-replication.ts';
import { mysqlServer } from '../../../src/demo/mysql-server.ts';
import { asArguments, serverSettings } from '../../../src/demo/mysql-settings.ts';
import { isServerOf } from '../../../src/demo/processes.ts';

const programs = {
  flavour: 'mysql',
  server: '/usr/sbin/mysqld',
  install: undefined,
  backup: undefined,
} as const;
const account = { name: 'postgres', uid: 101, gid: 104 };
const server = { number: 2, port: 3307, dataFolder: '/tmp/c/my-2', mark: 'm1-my-2', settings: {} };

const commands: [command: string, isIt: boolean][] = [
  ['/usr/sbin/mysqld --no-defaults --datadir=/tmp/c/my-1 --pid-file=m1-my-1.pid --port=1', true],
  ['mariadbd --no-defaults --pid-file=m1-my-1.pid', true],
  ['unshare --mount /bin/sh -c exec enter /r /tmp/c +1:+1 /usr/sbin/mysqld --x --pid-file=m1-my-1.pid', true],
  ['/usr/sbin/mysqld --no-defaults --pid-file=m12-my-1.pid', false],
  ['/usr/sbin/mysqld --no-defaults --pid-file=other-m1.pid', false],
  ['tail -f /tmp/m1-my-1.pid', false],
];
for (const [command, isIt] of commands) {
  test(`'${command}' ${isIt ? 'is' : 'is not'} a process of the cluster m1`, () => {
    assert.equal(isServerOf(command, 'm1'), isIt);
  });
}

test("one server's process is told from that of the tenth", () => {
  const tenth = '/usr/sbin/mysqld --pid-file=m1-my-10.pid';
  assert.equal(isServerOf(tenth, 'm1-my-10'), true);
  assert.equal(isServerOf(tenth, 'm1-my-1'), false);
});

test('a server runs as an account of its own, on its own folder, port and number', () => {
  const house = houseOf({ ...programs, root: undefined }, '/tmp/c', account);
  const { launch, stopSignals } = mysqlServer({ ...server, house });
  assert.equal(launch.file, '/usr/sbin/mysqld');
  assert.equal(launch.runsAs, account);
  // MySQL reads its option files unless this comes first.
  assert.equal(launch.args[0], '--no-defaults');
  for (const argument of ['--datadir=/tmp/c/my-2', '--port=3307', '--server-id=2', '--pid-file=m1-my-2.pid'])
    assert.ok(launch.args.includes(argument), argument);
  assert.equal(stopSignals.fast, 'SIGTERM');
});

test('inside of a root the folder is mounted, and the account is given by its number', () => {
  const house = houseOf({ ...programs, root: '/r' }, '/tmp/c', account);
  const { launch } = mysqlServer({ ...server, house });
  assert.equal(launch.file, 'unshare');
  assert.equal(launch.runsAs, undefined);
  const at = launch.args.indexOf('/r');
  assert.deepEqual(launch.args.slice(at, at + 4), ['/r', '/tmp/c', '+101:+104', '/usr/sbin/mysqld']);
  assert.ok(launch.args.includes('--datadir=/mnt/my-2'));
});

test('settings of the user come last, whichever way they are spelt', () => {
  const settings = serverSettings('mysql', { synchronous: false, own: { sync_binlog: '0' } });
  assert.deepEqual(
    asArguments(settings).filter((argument) => argument.includes('binlog=')),
    ['--sync-binlog=0'],
  );
});

test('every node starts read-only, and by GTIDs', () => {
  for (const synchronous of [false, true]) {
    const mysql = serverSettings('mysql', { synchronous, own: {} });
    assert.equal(mysql['super-read-only'], 'ON');
    assert.equal(mysql['gtid-mode'], 'ON');
    const mariadb = serverSettings('mariadb', { synchronous, own: {} });
    assert.equal(mariadb['read-only'], 'ON');
    assert.equal(mariadb['gtid-strict-mode'], 'ON');
  }
});

test('synchronous replication never falls back, and no replica starts with commits of its own that wait', () => {
  const mysql = serverSettings('mysql', { synchronous: true, own: {} });
  assert.equal(mysql['loose-rpl-semi-sync-source-timeout'], '4294967295');
  const mariadb = serverSettings('mariadb', { synchronous: true, own: {} });
  assert.equal(mariadb['rpl-semi-sync-master-timeout'], '18446744073709551615');
  for (const name of [...Object.keys(mysql), ...Object.keys(mariadb)])
    assert.ok(!/(source|master)-enabled/.test(name), name);
});

for (const flavour of ['mysql', 'mariadb'] as const) {
  test(`${flavour}: the accounts are made one statement a line, each with its password, none with more than it needs`, () => {
    const credentials = freshCredentials(flavour);
    const lines = accountStatements(flavour, credentials).trim().split('\n');
    for (const line of lines) assert.match(line, /^(SET|DROP|DELETE|FLUSH|CREATE|GRANT) .*;$|^FLUSH \w+;$/);
    const { superuser, monitor, replication, client } = credentials;
    for (const { user, password } of [superuser, monitor, replication, client])
      assert.ok(
        lines.some((line) => line.startsWith(`CREATE USER '${user}'@'%'`) && line.includes(password)),
      );
    const everything = lines.filter((line) => /GRANT ALL ON \*/.test(line));
    assert.deepEqual(everything, [`GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;`]);
  });
}

const histories: [has: string, executed: string, covers: boolean][] = [
  ['0-1-5', '', true],
  ['0-1-5', '0-1-5', true],
  ['0-1-5,0-2-9', '0-1-5', true],
  ['0-1-5,0-2-9', '0-1-6', false],
  ['0-2-9', '0-1-5', false],
  ['0-1-5,1-1-3', '0-1-4,1-1-3', true],
  ['0-1-5,1-1-3', '0-1-4,2-1-1', false],
  ['0-1-10', '0-1-9', true],
];
for (const [has, executed, is] of histories) {
  test(`a MariaDB with ${has || 'nothing'} has ${is ? '' : 'not '}executed ${executed || 'nothing'}`, () => {
    assert.equal(covers(has, executed), is);
  });
}

test("a copy of a data folder has no server's identity", () => {
  assert.deepEqual(['auto.cnf', 'm1-my-1.pid', 'ibdata1', 'mysql/user.frm'].filter(isOfOneNode), [
    'auto.cnf',
    'm1-my-1.pid',
  ]);
});
