import { createServer, type Socket } from 'node:net';

/** The least that Node can hold of a client: an accepted socket with the listeners that no server can do without. */
const ignore = (): void => undefined;
const server = createServer((socket: Socket) => {
  socket.setNoDelay(true);
  socket.on('data', ignore);
  socket.on('error', ignore);
});
server.listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 1_024 });
process.on('disconnect', () => process.exit(0));
