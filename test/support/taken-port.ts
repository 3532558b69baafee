import { createServer } from 'node:net';
import { HOST } from '../../src/demo/ports.ts';

/** A server on a port of its own, so that the port is taken. */
export async function takenPort() {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ host: HOST, port: 0 }, () => resolve()));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
