import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Client } from 'pg';

/** Connects many clients, says `connected` to its parent, and holds them until it is ended. */
const [kind, port = '', count = '', user = '', password = '', database = ''] = process.argv.slice(2);
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
    held.push(kind === 'bare' ? await bare() : await session());
  }
}

process.on('disconnect', () => process.exit(0));
await Promise.all(Array.from({ length: AT_ONCE }, fill));
process.send?.('connected');
