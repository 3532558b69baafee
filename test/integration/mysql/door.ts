import { type Accepted, FORWARD, type Gate, type Greeting } from '../../../src/core/wire.ts';
import { accept, reaccept } from '../../../src/mysql/accept.ts';
import { COM_CHANGE_USER, COM_QUERY, COM_QUIT } from '../../../src/mysql/commands.ts';
import { greet } from '../../../src/mysql/greet.ts';
import type { MysqlLogin } from '../../../src/mysql/login.ts';
import { okPacket, textResult } from '../../../src/mysql/messages.ts';
import type { Connection } from '../../../src/net/connection.ts';
import { listen } from '../../../src/net/listener.ts';

/** A listener whose sessions are accepted and greeted; `QUESTION` is answered with user, schema and collation. */
export interface Door extends AsyncDisposable {
  readonly port: number;
  /** What became of each log-in, in the order of their ends: how it was accepted, or the error. */
  readonly outcomes: (Accepted | Error)[];
  /** Resolves when so many log-ins have an outcome. */
  until(count: number): Promise<void>;
  /** Resolves when so many connections have come in at all. */
  opened(count: number): Promise<void>;
  /** What a start-up deadline does. */
  destroyAll(): void;
}

const greeting: Greeting = { parameters: new Map([['autocommit', 'ON']]) };
const AUTOCOMMIT = 2;
export const QUESTION = 'select 1';
const WHO_AM_I = `${String.fromCharCode(COM_QUERY)}${QUESTION}`;

export async function openDoor(gate: Gate): Promise<Door> {
  const outcomes: (Accepted | Error)[] = [];
  const waiting = new Set<() => void>();
  const connections = new Set<Connection>();
  const checkAll = (): void => {
    for (const check of [...waiting]) check();
  };
  const settle = async (connection: Connection, logIn: Promise<Accepted>): Promise<void> => {
    const outcome = await logIn.catch((error: Error) => error);
    if ('kind' in outcome && outcome.kind === 'session') {
      const login = outcome.login as MysqlLogin;
      greet(login, greeting, { id: login.id, secret: Buffer.alloc(0) });
      serve(connection, login, (payload) => {
        connection.detach(Buffer.alloc(0));
        const unit = { bytes: payload, extent: 'relogin', expect: FORWARD } as const;
        void settle(connection, reaccept(login, unit, gate));
      });
    } else if ('kind' in outcome) connection.end();
    outcomes.push(outcome);
    checkAll();
  };
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    maxClients: 1_000,
    serve: (connection) => {
      connections.add(connection);
      checkAll();
      void settle(connection, accept(connection, gate, connections.size));
    },
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

/** Commands of these tests come whole in one chunk. */
function serve(connection: Connection, login: MysqlLogin, changeUser: (bytes: Buffer) => void): void {
  connection.attach({
    bytes: (chunk) => {
      switch (chunk[4]) {
        case COM_QUIT:
          connection.end();
          break;
        case COM_CHANGE_USER:
          changeUser(chunk);
          break;
        default:
          // Clients ask for more than the test does at their start.
          if (chunk.toString('latin1', 4) === WHO_AM_I) connection.write(whoAmI(login));
          else connection.write(okPacket(1, { status: AUTOCOMMIT }, login.traits.sessionTrack));
      }
    },
    drained: () => undefined,
    closed: () => undefined,
  });
}

function whoAmI({ user, database, settings, traits }: MysqlLogin): Buffer {
  const columns = ['user', 'schema', 'collation'].map((name) => ({
    name,
    type: 0xfd,
    collation: 45,
    length: 255,
  }));
  const row = [user, database, settings.values.get('collation_connection') ?? null];
  return textResult(columns, [row], traits, AUTOCOMMIT);
}
