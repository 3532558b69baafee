import assert from 'node:assert/strict';
import { type AddressInfo, createServer, Socket } from 'node:net';
import { describe, mock, test } from 'node:test';
import { TLSSocket } from 'node:tls';
import type { Connection } from '../../../src/net/connection.ts';
import { dial } from '../../../src/net/dial.ts';
import { hearLastWords } from '../../../src/net/last-words.ts';
import { clientTls, serverTls } from '../../../src/net/tls.ts';
import { selfSigned } from '../../support/certificate.ts';

const HOST = '127.0.0.1';

interface Dialled extends AsyncDisposable {
  readonly connection: Connection;
  /** The server's side. It reads nothing unasked. */
  readonly server: Socket;
}

async function dialled(secured: boolean): Promise<Dialled> {
  const listening = createServer({ pauseOnConnect: true });
  await new Promise<void>((resolve) => listening.listen(0, HOST, resolve));
  const came = new Promise<Socket>((resolve) => listening.once('connection', resolve));
  const connection = await dial({ host: HOST, port: (listening.address() as AddressInfo).port });
  let server = await came;
  if (secured) {
    server = new TLSSocket(server, { isServer: true, secureContext: serverTls(selfSigned()).context });
    const secure = new Promise((resolve) => server.once('secure', resolve));
    await connection.secureAsClient((plain) => clientTls('require').wrap(plain, HOST));
    await secure;
    // What belongs to the handshake has arrived.
    server.write('.');
    await connection.read(1);
  }
  server.on('error', () => {});
  return {
    connection,
    server,
    [Symbol.asyncDispose]: async () => {
      connection.destroy();
      server.destroy();
      await new Promise((resolve) => listening.close(resolve));
    },
  };
}

/** What the connection says until its end. */
function heard(connection: Connection): Promise<{ said: string; error: Error | undefined }> {
  let said = '';
  return new Promise((resolve) => {
    connection.attach({
      bytes: (chunk) => {
        said += chunk.toString();
      },
      drained: () => {},
      closed: (error) => resolve({ said, error }),
    });
  });
}

describe('what a server said before it left is heard although a write has failed meanwhile', () => {
  for (const secured of [false, true]) {
    test(secured ? 'under TLS' : 'in plain', async () => {
      await using both = await dialled(secured);
      const { connection, server } = both;
      const all = heard(connection);
      // All in one turn: nothing of it is read before the last write. The server leaves with bytes unread: a reset.
      connection.write(Buffer.from('unread'));
      server.write('last words');
      server.destroy();
      for (let more = 0; more < 3; more++) connection.write(Buffer.from('nobody is there'));
      const { said } = await all;
      assert.equal(said, 'last words');
      assert.ok(connection.closed);
    });
  }

  test('and if it says nothing and does not leave, the failure is told within a bound', async () => {
    const silent = new Socket();
    let writes = 0;
    silent._write = (_chunk, _encoding, callback) => {
      writes++;
      setImmediate(callback, new Error('write EHOSTUNREACH'));
    };
    hearLastWords(silent);
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const failed = new Promise<Error>((resolve) => silent.once('error', resolve));
      silent.write('one');
      silent.write('two');
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      assert.equal(silent.destroyed, false);
      assert.equal(writes, 1, 'nothing is written behind what failed');
      mock.timers.tick(1_000);
      assert.equal((await failed).message, 'write EHOSTUNREACH');
      assert.ok(silent.destroyed);
    } finally {
      mock.timers.reset();
    }
  });
});
