import type { Socket } from 'node:net';
import { openSocket, Visitor } from './visitor.ts';

/**
 * Connects many clients and holds them until it is ended. `node idle-clients.ts KIND SECURITY PORT USER PASSWORD
 * DATABASE`, KIND one of `bare`, `session`, `used` (has run a query), SECURITY `plain` or `tls`. For each number that
 * its parent sends it brings as many more and answers `done`.
 */
const [kind, security, port = '', user = '', password = '', database = ''] = process.argv.slice(2);
/** Log-ins under way at one time. */
const AT_ONCE = 20;

const tls = security === 'tls';
const aim = { port: Number(port), user, password, database };
/** So that nothing collects them. */
const held: Socket[] = [];

async function one(): Promise<Socket> {
  if (kind === 'bare') return openSocket(aim.port, tls);
  const visitor = await Visitor.logIn(aim, tls);
  if (kind === 'used') await visitor.query('SELECT 1');
  return visitor.socket;
}

async function bring(count: number): Promise<void> {
  let left = count;
  const fill = async (): Promise<void> => {
    while (left > 0) {
      left--;
      const socket = await one();
      socket.on('close', () => process.exit(1));
      held.push(socket);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, fill));
  process.send?.('done');
}

process.on('disconnect', () => process.exit(0));
process.on('message', (count) => void bring(Number(count)));
