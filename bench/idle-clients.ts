import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Client } from 'pg';

/**
 * Connects many clients and says `done` to its parent; `hold`: holds them until it is ended, `pass`: closes each
 * before the next one.
 */
const [kind, stay, port = '', count = '', user = '', password = '', database = ''] = process.argv.slice(2);
/** Log-ins under way at one time. */
const AT_ONCE = 20;

const held: (Socket | Client)[] = [];

async function bare(): Promise<Socket> {
  const socket = connect(Number(port), '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

async function session(): Promise<Client> {
  const client = new Client({ host: '127.0.0.1', port: Number(port), user, password, database });
  client.on('error', () => process.exit(1));
  await client.connect();
  return client;
}

let left = Number(count);
async function fill(): Promise<void> {
  while (left > 0) {
    left--;
    const client = kind === 'bare' ? await bare() : await session();
    if (stay === 'hold') held.push(client);
    else if (client instanceof Client) await client.end();
    else client.destroy();
  }
}

process.on('disconnect', () => process.exit(0));
await Promise.all(Array.from({ length: AT_ONCE }, fill));
process.send?.('done');
