import { createServer, type Socket } from 'node:net';
import type { FloorEngine } from './engine.ts';
import { FloorLane, pickLane } from './lane.ts';

/**
 * A bare relay in plain Node, about the least that a proxy in it can cost. It does none of a proxy's work. It
 * lets everybody in, takes for granted that whatever it reads is one whole query that leaves nothing behind, sends it
 * on one of two server connections and gives each client the bytes of its answer. No routing, no rules of a pool, no
 * checks. `node server.ts postgres|mysql PORT SERVER_PORT USER PASSWORD DATABASE`.
 */
const LANES = 2;
const HOST = '127.0.0.1';

const [protocol, port, serverPort, user = '', password = '', database = ''] = process.argv.slice(2);
const engine: FloorEngine =
  protocol === 'postgres'
    ? (await import('./postgres.ts')).postgresFloor
    : (await import('./mysql.ts')).mysqlFloor;
const lanes: FloorLane[] = [];

async function openLane(): Promise<FloorLane> {
  const socket = await engine.connect({ port: Number(serverPort), user, password, database });
  const lane = new FloorLane(socket, engine.answerEnd);
  socket.removeAllListeners('data');
  socket.on('data', (chunk: Buffer) => lane.take(chunk));
  socket.on('close', () => {
    process.stderr.write('the server closed a connection\n');
    process.exit(1);
  });
  return lane;
}

async function serve(client: Socket): Promise<void> {
  client.on('error', () => undefined);
  try {
    await engine.admit(client);
  } catch {
    // It left while it was let in.
    return void client.destroy();
  }
  client.on('data', (request: Buffer) => {
    if (engine.isGoodbye(request)) client.end();
    else pickLane(lanes).ask(request, client);
  });
}

process.on('disconnect', () => process.exit(0));
for (let at = 0; at < LANES; at++) lanes.push(await openLane());
createServer({ noDelay: true }, (client) => void serve(client)).listen({
  host: HOST,
  port: Number(port),
  backlog: 1_024,
});
