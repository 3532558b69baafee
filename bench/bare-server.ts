import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

/**
 * The least that Node can hold of a client: an accepted socket with the listeners that no server can do without.
 * Its arguments: a port; for TLS also the files of a certificate and its key.
 */
const [port, cert, key] = process.argv.slice(2);
const ignore = (): void => undefined;

function take(socket: Socket): void {
  socket.setNoDelay(true);
  socket.on('data', ignore);
  socket.on('error', ignore);
}

const server =
  cert === undefined || key === undefined
    ? createServer(take)
    : createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, take);
server.listen({ host: '127.0.0.1', port: Number(port), backlog: 1_024 });
process.on('disconnect', () => process.exit(0));
