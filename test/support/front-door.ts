import type { Accepted, Gate, Greeting } from '../../src/core/wire.ts';
import type { Connection } from '../../src/net/connection.ts';
import { listen } from '../../src/net/listener.ts';
import { accept } from '../../src/postgres/accept.ts';
import { greet } from '../../src/postgres/greet.ts';
import { message, readyForQuery } from '../../src/postgres/messages.ts';

/** A listener whose sessions are accepted and greeted, and whose queries are all empty. */
export interface FrontDoor extends AsyncDisposable {
  readonly port: number;
  /** What became of each connection, in the order of their ends: how it was accepted, or the error. */
  readonly outcomes: (Accepted | Error)[];
  /** Resolves when so many connections have an outcome. */
  until(count: number): Promise<void>;
  /** Resolves when so many connections have come in at all. */
  opened(count: number): Promise<void>;
  /** What a start-up deadline does. */
  destroyAll(): void;
}

const greeting: Greeting = {
  parameters: new Map([
    ['server_version', '18.4'],
    ['client_encoding', 'UTF8'],
    ['DateStyle', 'ISO, MDY'],
    ['standard_conforming_strings', 'on'],
  ]),
};

const EMPTY = Buffer.concat([message('I'), readyForQuery('idle')]);

function serve(connection: Connection): void {
  connection.attach({
    bytes: (chunk) => {
      if (chunk[0] === 0x51) connection.write(EMPTY);
      if (chunk[0] === 0x58) connection.end();
    },
    drained: () => {},
    closed: () => {},
  });
}

export async function openFrontDoor(gate: Gate): Promise<FrontDoor> {
  const outcomes: (Accepted | Error)[] = [];
  const waiting = new Set<() => void>();
  const connections = new Set<Connection>();
  const take = async (connection: Connection): Promise<void> => {
    connections.add(connection);
    for (const check of waiting) check();
    const outcome = await accept(connection, gate).catch((error: Error) => error);
    if ('kind' in outcome && outcome.kind === 'session') {
      const { login } = outcome;
      greet(login, greeting, { id: connections.size, secret: Buffer.alloc(login.secretLength, 1) });
      serve(connection);
    } else if ('kind' in outcome) connection.end();
    outcomes.push(outcome);
    for (const check of waiting) check();
  };
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    maxClients: 1_000,
    serve: (connection) => void take(connection),
    refuse: (connection) => connection.destroy(),
  });
  const when = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!holds()) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  const destroyAll = (): void => {
    for (const connection of connections) connection.destroy();
  };
  return {
    port: listener.address.port,
    outcomes,
    until: (count) => when(() => outcomes.length >= count),
    opened: (count) => when(() => connections.size >= count),
    destroyAll,
    [Symbol.asyncDispose]: async () => {
      destroyAll();
      await listener.close();
    },
  };
}
