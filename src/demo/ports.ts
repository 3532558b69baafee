import { createServer } from 'node:net';
import { ProxyError } from '../core/errors.ts';

export const HOST = '127.0.0.1';

/** Whether a server could listen on 127.0.0.1 at `port` now. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: HOST, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** `count` ports in a row that are free now, searched upwards from `first`. Rejects with PORT_TAKEN. */
export async function freeRun(first: number, count: number): Promise<number[]> {
  for (let start = first; start + count - 1 <= 65_535; ) {
    const ports = Array.from({ length: count }, (_, index) => start + index);
    const taken = await firstTaken(ports);
    if (taken === undefined) return ports;
    start = taken + 1;
  }
  throw new ProxyError('PORT_TAKEN', {
    side: 'proxy',
    retry: 'no',
    tell: `there are no ${count} free ports in a row from ${first} on`,
  });
}

/** `count` ports that the system picks. */
export async function anyPorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject);
          server.listen({ host: HOST, port: 0, exclusive: true }, () => {
            const address = server.address();
            resolve(typeof address === 'object' && address !== null ? address.port : 0);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Rejects with PORT_TAKEN that names the port and, if given, the option that changes it. */
export async function requireFree(port: number, what: string, option?: string): Promise<void> {
  if (await isFree(port)) return;
  const mend = option === undefined ? 'choose another one' : `choose another one with ${option}`;
  throw new ProxyError('PORT_TAKEN', {
    side: 'proxy',
    retry: 'no',
    tell: `port ${port} on ${HOST}, wanted for ${what}, is taken; ${mend}`,
  });
}

async function firstTaken(ports: readonly number[]): Promise<number | undefined> {
  for (const port of ports) if (!(await isFree(port))) return port;
  return undefined;
}
