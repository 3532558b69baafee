import { createServer, type Socket } from 'node:net';
import {
  authenticationOk,
  GSSENC_REQUEST,
  parameterStatus,
  readyForQuery,
  SSL_REQUEST,
} from '../../src/postgres/messages.ts';
import { Visitor } from '../visitor.ts';
import { FloorLane, pickLane } from './lane.ts';
import { postgresAnswerEnd } from './postgres-answers.ts';

/**
 * A bare relay in plain Node: what any proxy in Node costs on this machine at least. It does none of a proxy's work. It
 * lets everybody in, takes for granted that whatever it reads is one whole query of the simple protocol that leaves
 * nothing behind (`pgbench -S -M simple`), sends it on one of two server connections and gives each client the bytes
 * of its answer. No routing, no rules of a pool, no checks. `node postgres-server.ts PORT SERVER_PORT USER PASSWORD
 * DATABASE`.
 */
const LANES = 2;
const HOST = '127.0.0.1';
const GOODBYE = 0x58; // X
/** PG 54.2.11: the code follows the length. */
const CODE_AT = 4;
const REFUSED = Buffer.from('N');
const GREETING = Buffer.concat([
  authenticationOk,
  ...Object.entries({
    server_version: '18.0',
    client_encoding: 'UTF8',
    standard_conforming_strings: 'on',
  }).map(([name, value]) => parameterStatus(name, value)),
  readyForQuery('idle'),
]);

const [port, serverPort, user = '', password = '', database = ''] = process.argv.slice(2);
const lanes: FloorLane[] = [];

async function openLane(): Promise<FloorLane> {
  const { socket } = await Visitor.logIn({ port: Number(serverPort), user, password, database });
  const lane = new FloorLane(socket, postgresAnswerEnd);
  socket.removeAllListeners('data');
  socket.on('data', (chunk: Buffer) => lane.take(chunk));
  socket.on('close', () => {
    process.stderr.write('the server closed a connection\n');
    process.exit(1);
  });
  return lane;
}

/** Start-up, for which any packet will do that asks for no encryption, then one query after the other. */
function serve(client: Socket): void {
  client.on('error', () => undefined);
  client.on('data', function greet(first: Buffer) {
    const code = first.readUInt32BE(CODE_AT);
    if (code === SSL_REQUEST || code === GSSENC_REQUEST) return void client.write(REFUSED);
    client.off('data', greet);
    client.on('data', (request: Buffer) => {
      if (request[0] === GOODBYE) client.end();
      else pickLane(lanes).ask(request, client);
    });
    client.write(GREETING);
  });
}

process.on('disconnect', () => process.exit(0));
for (let at = 0; at < LANES; at++) lanes.push(await openLane());
createServer({ noDelay: true }, serve).listen({ host: HOST, port: Number(port), backlog: 1_024 });
