import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ProxyError } from '../../../src/core/errors.ts';
import { nodeId } from '../../../src/core/node.ts';
import type { Opened, Target } from '../../../src/core/wire.ts';
import type { MysqlCluster } from '../../../src/demo/mysql.ts';
import { ask, Refused } from '../../../src/mysql/asking.ts';
import { cancel } from '../../../src/mysql/cancel.ts';
import * as can from '../../../src/mysql/capabilities.ts';
import { connect } from '../../../src/mysql/connect.ts';
import { parseErr } from '../../../src/mysql/errors.ts';
import { Exchange } from '../../../src/mysql/exchange.ts';
import { greetingPacket, newChallenge, offered } from '../../../src/mysql/handshake.ts';
import { command, errPacket, okPacket } from '../../../src/mysql/messages.ts';
import { packet } from '../../../src/mysql/packets.ts';
import { Connection } from '../../../src/net/connection.ts';
import { clientTls } from '../../../src/net/tls.ts';
import { selfSigned } from '../../support/certificate.ts';
import { startMysqlCluster } from '../../support/cluster.ts';
import { need } from '../../support/need.ts';

const PASSWORD = 'Gruß Ⅸ';
const within = (): AbortSignal => AbortSignal.timeout(10_000);

/** Rows of a statement, or the server's number and words. */
async function run({ channel }: Opened, statement: string): Promise<(string | null)[][] | string> {
  return await ask(new Exchange(channel, 'server'), statement).catch((error: unknown) => {
    if (!(error instanceof Refused)) throw error;
    const { code, message } = parseErr(error.payload);
    return `${code} ${message}`;
  });
}

async function refusal(given: Target, code: string, signal = within()): Promise<ProxyError> {
  const error = await connect(given, signal).then(
    ({ channel }) => {
      channel.destroy();
      return undefined;
    },
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ProxyError, `${given.user} came in: ${error}`);
  assert.equal(error.code, code, error.message);
  return error;
}

// ---------------------------------------------------------------- real servers

for (const flavour of ['mysql', 'mariadb'] as const) {
  const skip = need(flavour === 'mysql' ? 'mysqld' : 'mariadbd');
  describe(`a server of ${flavour}`, { skip }, () => {
    const certificate = selfSigned('rsa-sha384');
    let cluster: MysqlCluster;
    let folder: string;
    const name = flavour === 'mysql' ? 'my-1' : 'maria-1';

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'pointsman-connect-'));
      cluster = await startMysqlCluster({ flavour, replicas: 0, settings: await tlsSettings() });
      const by =
        flavour === 'mysql'
          ? `IDENTIFIED BY '${PASSWORD}'`
          : `IDENTIFIED VIA mysql_native_password USING PASSWORD('${PASSWORD}')`;
      for (const user of ['app', 'secure', 'lone', 'later']) await sql(`CREATE USER ${user} ${by}`);
      await sql(`CREATE USER nopass`);
      await sql('CREATE DATABASE db1');
      await sql('GRANT ALL ON db1.* TO app');
      await sql('ALTER USER secure REQUIRE SSL');
      await sql('ALTER USER lone WITH MAX_USER_CONNECTIONS 1');
      if (flavour === 'mysql')
        await sql(`CREATE USER sha256 IDENTIFIED WITH sha256_password BY '${PASSWORD}'`);
    });

    after(async () => {
      await cluster?.close();
      await rm(folder, { recursive: true, force: true });
    });

    /** MySQL makes its own certificate. */
    async function tlsSettings(): Promise<Record<string, string>> {
      if (flavour === 'mysql') return {};
      const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
      await writeFile(cert, certificate.cert);
      await writeFile(key, certificate.key);
      await chmod(folder, 0o755);
      return { 'ssl-cert': cert, 'ssl-key': key };
    }

    const sql = (text: string): Promise<unknown> => cluster.query(name, text);
    /** The server forgets which passwords it has seen: caching_sha2_password must be proven in full. */
    const forget = (): Promise<unknown> => sql('FLUSH PRIVILEGES');
    const target = (user: string, change: Partial<Target> = {}): Target => ({
      node: nodeId(name),
      endpoint: { host: '127.0.0.1', port: cluster.node(name).port },
      user,
      password: PASSWORD,
      database: '',
      options: '',
      tls: undefined,
      ...change,
    });

    async function enters(given: Target): Promise<void> {
      const opened = await connect(given, within());
      const rows = await run(opened, `SELECT SUBSTRING_INDEX(USER(), '@', 1)`);
      opened.channel.destroy();
      assert.deepEqual(rows, [[given.user]]);
    }

    test('the proxy logs in with a cold and a warm cache, plainly and over TLS', async () => {
      for (const tls of [undefined, clientTls('require'), clientTls('prefer')]) {
        await forget();
        await enters(target('app', { tls }));
        await enters(target('app', { tls }));
        await enters(target('nopass', { tls, password: undefined }));
      }
      await enters(target('secure', { tls: clientTls('require') }));
    });

    // MariaDB has no such plugin.
    if (flavour === 'mysql')
      test('the proxy logs in by sha256_password', async () => {
        await enters(target('sha256'));
        await enters(target('sha256', { tls: clientTls('require') }));
      });

    // MySQL has made its own, for no name.
    if (flavour === 'mariadb')
      test('a certificate is checked where that is asked for', async () => {
        await enters(target('app', { tls: clientTls('verify-full', { ca: certificate.cert }) }));
        const stranger = clientTls('verify-ca', { ca: selfSigned().cert });
        const { message } = await refusal(target('app', { tls: stranger }), 'CONNECT_FAILED');
        assert.match(message, /TLS handshake with maria-1 failed.*check serverTls/);
      });

    test('a wrong password and an unknown user are final, in the words of the server', async () => {
      await forget();
      const wrong = [
        target('app', { password: 'wrong' }),
        target('app', { password: 'wrong', tls: clientTls('require') }),
        target('app', { password: undefined }),
        // MySQL asks strangers by any plugin it has.
        ...Array.from({ length: 10 }, (_, n) => target(`nobody${n}`)),
        ...Array.from({ length: 10 }, (_, n) => target(`nobody${n}`, { tls: clientTls('require') })),
      ];
      for (const given of wrong) {
        const { server, retry } = await refusal(given, 'NODE_REFUSED');
        assert.equal(server?.code, '1045');
        assert.match(server?.message ?? '', new RegExp(`^Access denied for user '${given.user}'@`));
        assert.equal(retry, 'no');
      }
    });

    test('a schema that is not there or not allowed is final', async () => {
      const { server } = await refusal(target('app', { database: 'nowhere' }), 'NODE_REFUSED');
      assert.equal(server?.code, '1044');
    });

    test('an account that has no room left is tried again', async () => {
      const first = await connect(target('lone'), within());
      const { server, retry } = await refusal(target('lone'), 'CONNECT_FAILED');
      assert.match(server?.code ?? '', /^(1226|1203)$/);
      assert.equal(retry, 'safe');
      first.channel.destroy();
    });

    test('a link knows the defaults of its server', async () => {
      const { channel, greeting } = await connect(target('app'), within());
      channel.destroy();
      const parameters = Object.fromEntries(greeting.parameters);
      assert.match(parameters['version'] ?? '', flavour === 'mysql' ? /^[89]\.\d/ : /^1\d\.\d+\.\d+-MariaDB/);
      assert.equal(parameters['autocommit'], 'ON');
      assert.equal(parameters['transaction_isolation'], 'REPEATABLE-READ');
      assert.equal(parameters['tx_read_only'], 'OFF');
      assert.match(parameters['sql_mode'] ?? '', /STRICT_TRANS_TABLES/);
      assert.equal(parameters['character_set_client'], 'utf8mb4');
      for (const [name, value] of greeting.parameters) {
        assert.equal(name, name.toLowerCase());
        assert.equal(typeof value, 'string');
      }
    });

    test('a link reports what changes in its session', async () => {
      const { channel } = await connect(target('app'), within());
      const exchange = new Exchange(channel, 'server');
      const reported = async (text: string): Promise<string> => {
        exchange.sequence = 0;
        exchange.write(command(3, text));
        return (await exchange.read()).toString('latin1');
      };
      for (const [statement, report] of [
        ["SET time_zone = '+02:00'", 'time_zone\x06+02:00'],
        // Kinds 1 and 2 with their lengths: the schema, and that something else has changed.
        ['USE db1', '\x01\x04\x03db1'],
        ['SET @a = 1', '\x02\x011'],
      ] as const) {
        const said = await reported(statement);
        assert.ok(said.includes(report), `${statement}: ${JSON.stringify(said)}`);
      }
      channel.destroy();
    });

    test('a link takes one statement at a time, and counts found rows if that is wanted', async () => {
      await sql('CREATE TABLE IF NOT EXISTS db1.t (a INT)');
      await sql('INSERT INTO db1.t VALUES (1)');
      for (const [options, count] of [
        ['', 0],
        ['found-rows', 1],
        ['found-rows bare', 1],
      ] as const) {
        const { channel } = await connect(target('app', { database: 'db1', options }), within());
        const exchange = new Exchange(channel, 'server');
        exchange.write(command(3, 'UPDATE t SET a = 1'));
        assert.equal((await exchange.read())[1], count, `affected rows with ${options}`);
        exchange.sequence = 0;
        exchange.write(command(3, 'SELECT 1; DROP TABLE t'));
        assert.equal(parseErr(await exchange.read()).code, 1064);
        channel.destroy();
      }
    });

    test('a running statement is cancelled, an idle connection is left as it was', async () => {
      const opened = await connect(target('app'), within());
      await run(opened, 'SELECT 1');
      // Killed, MySQL's SLEEP gives 1 where it stands alone, and MariaDB's an error: a slow join is an error to both.
      const slow = run(
        opened,
        'SELECT COUNT(*) FROM information_schema.COLLATIONS a, information_schema.COLLATIONS b, information_schema.COLLATIONS c, information_schema.COLLATIONS d',
      );
      // It may not run yet when the first request comes.
      const answered = slow.then(() => true);
      while (!(await Promise.race([answered, cancel(target('app'), opened, within())])));
      assert.match(String(await slow), /^1317 /);
      await cancel(target('app'), opened, within());
      assert.deepEqual(await run(opened, 'SELECT 1'), [['1']]);
      opened.channel.destroy();
    });

    test('a connection that is gone has nothing to cancel', async () => {
      const opened = await connect(target('app'), within());
      opened.channel.write(command(1));
      while (!opened.channel.closed) await opened.channel.read(1).catch(() => undefined);
      await cancel(target('app'), opened, within());
    });

    test('after the log-in the signal has no hold on the link', async () => {
      const giveUp = new AbortController();
      const opened = await connect(target('app'), giveUp.signal);
      giveUp.abort();
      assert.deepEqual(await run(opened, 'SELECT 1'), [['1']]);
      opened.channel.destroy();
    });
  });
}

// ---------------------------------------------------------------- scripted servers

interface Scripted extends AsyncDisposable {
  readonly target: Target;
  /** Resolves when no connection to it is left. */
  idle(): Promise<void>;
}

/** A server that plays `play` to each client. */
async function script(play: (exchange: Exchange) => unknown, tls?: unknown): Promise<Scripted> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    const connection = new Connection(socket);
    const played = Promise.resolve(play(new Exchange(connection, 'client')));
    void played.catch(() => connection.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    target: {
      node: nodeId('scripted'),
      endpoint: { host: '127.0.0.1', port },
      user: 'app',
      password: PASSWORD,
      database: '',
      options: '',
      tls,
    },
    idle: async () => {
      while (sockets.size > 0) await new Promise((resolve) => setImmediate(resolve));
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const SHA2 = 'caching_sha2_password';
const hello = (change: { capabilities?: number; plugin?: string } = {}): Buffer =>
  greetingPacket({
    version: '9.7.4',
    id: 5,
    challenge: newChallenge(),
    capabilities: offered('9.7.4', false),
    plugin: SHA2,
    ...change,
  });

/** Greets, takes the request, and says one thing more. */
const says =
  (...payload: readonly (string | number)[]) =>
  async (exchange: Exchange): Promise<void> => {
    exchange.write(hello());
    await exchange.read();
    exchange.send(
      ...payload.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([part]))),
    );
  };

const raw = (bytes: Buffer) => (exchange: Exchange) => exchange.channel.write(bytes);

for (const [what, play, code] of [
  [
    'has no room',
    raw(errPacket(0, { code: 1040, state: '08004', message: 'Too many connections' })),
    'CONNECT_FAILED',
  ],
  [
    'has blocked this host',
    raw(errPacket(0, { code: 1129, state: 'HY000', message: 'blocked' })),
    'NODE_REFUSED',
  ],
  ['speaks HTTP', raw(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')), 'PROTOCOL'],
  ['is of another protocol', raw(packet(0, Buffer.from('\x09old\0'))), 'PROTOCOL'],
  ['claims a greeting of 16 MB', raw(Buffer.from('feffff00', 'hex')), 'PROTOCOL'],
  [
    'cannot report the state of sessions',
    raw(hello({ capabilities: offered('5.6.0', false) & ~can.SESSION_TRACK })),
    'UNSUPPORTED',
  ],
  ['hangs up', (exchange: Exchange) => exchange.channel.end(), 'CONNECT_FAILED'],
  ['asks for clear text without TLS', says(0xfe, 'mysql_clear_password\0'), 'AUTH_METHOD'],
  ['asks for a plugin that is not spoken', says(0xfe, 'client_ed25519\0', 'x'.repeat(32)), 'AUTH_METHOD'],
  ['asks for a password of before 4.1', says(0xfe), 'AUTH_METHOD'],
  ['sends half a request for another plugin', says(0xfe, 'mysql'), 'PROTOCOL'],
  ['breaks off the exchange', says(1, 9), 'PROTOCOL'],
  ['sends rows at log-in', says(5, 'abc'), 'PROTOCOL'],
  ['sends an empty packet', says(), 'PROTOCOL'],
] as const) {
  test(`a server that ${what} is left: ${code}`, async () => {
    await using scripted = await script(play);
    const { message } = await refusal(scripted.target, code);
    assert.match(message, /^scripted |server/);
    await scripted.idle();
  });
}

test('a server that shows no key, or none that is one, does not get the password', async () => {
  for (const key of [Buffer.from([1, 0x78]), Buffer.from([0])]) {
    let answers = 0;
    await using scripted = await script(async (exchange) => {
      exchange.write(hello());
      await exchange.read();
      exchange.send(Buffer.from([1, 4]));
      assert.deepEqual([...(await exchange.read())], [2]);
      exchange.send(key);
      await exchange.read();
      answers += 1;
    });
    await refusal(scripted.target, 'PROTOCOL');
    await scripted.idle();
    assert.equal(answers, 0);
  }
});

test('a server that asks without end is left', async () => {
  await using scripted = await script(async (exchange) => {
    exchange.write(hello());
    for (;;) {
      await exchange.read();
      exchange.send(Buffer.from(`\xfemysql_native_password\0${'x'.repeat(20)}\0`, 'latin1'));
    }
  });
  assert.match((await refusal(scripted.target, 'PROTOCOL')).message, /did not come to an end/);
  await scripted.idle();
});

test('a server without TLS is spoken to plainly only where that is allowed', async () => {
  const greeted = new Set<string>();
  const play = async (exchange: Exchange): Promise<void> => {
    exchange.write(hello());
    greeted.add((await exchange.read()).toString('latin1', 32, 36));
    exchange.write(okPacket(exchange.sequence, { status: 2 }, true));
    await exchange.channel.read(5);
    exchange.channel.end(errPacket(1, { code: 1193, state: 'HY000', message: 'Unknown system variable' }));
  };
  await using scripted = await script(play, clientTls('prefer'));
  const { server, message } = await refusal(scripted.target, 'NODE_REFUSED');
  assert.equal(server?.code, '1193');
  assert.match(message, /refused to set up the connection/);
  assert.deepEqual([...greeted], ['app\0']);
  await refusal({ ...scripted.target, tls: clientTls('require') }, 'TLS_REQUIRED');
});

test('a server that says nothing is left when the signal fires, and no socket stays', async () => {
  for (const play of [() => undefined, raw(hello()), says(1, 3)]) {
    await using scripted = await script(play);
    const giveUp = new AbortController();
    const refused = refusal(scripted.target, 'CONNECT_FAILED', giveUp.signal);
    setImmediate(() => giveUp.abort());
    assert.match((await refused).message, /in time|given up/);
    await scripted.idle();
  }
});

test('where nobody listens the connection fails', async () => {
  const scripted = await script(() => undefined);
  await scripted[Symbol.asyncDispose]();
  await refusal(scripted.target, 'CONNECT_FAILED');
});
