import { resolve } from 'node:path';
import type { EngineName } from '../../src/demo/cluster.ts';
import type { Aim } from '../pgbench.ts';
import { answers, Started, withFiles } from '../process.ts';
import { NODE_OPTIONS } from '../proxy.ts';

/** Its name in every table; those that follow are forms of it, for other loads. It is no peer. */
export const FLOOR = 'floor (bare relay in Node)';
export const TRANSACTION_FLOOR = `${FLOOR}, transactions` as const;
export const REPLICA_FLOOR = `${FLOOR}, replicas` as const;
export const LOGIN_FLOOR = `${FLOOR}, log-ins` as const;
export type FloorName = typeof FLOOR | typeof TRANSACTION_FLOOR | typeof REPLICA_FLOOR | typeof LOGIN_FLOOR;

/** What it does, as its program is told. */
export type FloorMode = 'lanes' | 'leases' | 'spread' | 'logins';

/** Server connections. */
const LANES = 2;

const MODES: Readonly<Record<FloorName, FloorMode>> = {
  [FLOOR]: 'lanes',
  [TRANSACTION_FLOOR]: 'leases',
  [REPLICA_FLOOR]: 'spread',
  [LOGIN_FLOOR]: 'logins',
};

export const FLOOR_WORDS: Readonly<Record<FloorName, string>> = {
  [FLOOR]:
    "a bare relay in Node over two server connections that finds the ends of answers; it does none of a proxy's work, " +
    'without log-in, routing, rules of a pool or checks; it is no peer, and who makes fewer system calls passes it',
  [TRANSACTION_FLOOR]:
    'the same over 4, 8 or 20 server connections, the best of them; a client has one of them to itself ' +
    'from its first request to the end of its transaction, or waits until one is free',
  [REPLICA_FLOOR]:
    'the same over one server connection to each replica; a request goes to the one with fewer open',
  [LOGIN_FLOOR]:
    'a bare server in Node that does the exchange of SCRAM-SHA-256 and sends the greeting, and nothing else; no ' +
    'database is behind it',
};

/** PostgreSQL has all forms, the others the first. */
export const floorsOf = (engine: EngineName): readonly FloorName[] =>
  engine === 'postgres' ? [FLOOR, TRANSACTION_FLOOR, REPLICA_FLOOR, LOGIN_FLOOR] : [FLOOR];

/** Sockets that it may have open. */
const FILES = 2_000;

/** What it stands before; `replicas`: their ports. */
export interface FloorGround {
  readonly engine: EngineName;
  readonly direct: Aim;
  readonly replicas: readonly number[];
}

/**
 * Starts it before the primary or the replicas, with Node's options as Pointsman has them and with so many `links` to
 * each server; resolves when it takes connections.
 */
export async function startFloor(
  { engine, direct, replicas }: FloorGround,
  port: number,
  name: FloorName = FLOOR,
  links = name === REPLICA_FLOOR ? 1 : LANES,
): Promise<Started> {
  const { user, password, database } = direct;
  const servers = name === REPLICA_FLOOR ? replicas : [direct.port];
  const file = resolve(import.meta.dirname, 'server.ts');
  const protocol = engine === 'postgres' ? 'postgres' : 'mysql';
  const args = [MODES[name], `${links}`, protocol, `${port}`, servers.join(), user, password, database];
  const started = new Started(name, withFiles(FILES, [process.execPath, ...NODE_OPTIONS, file, ...args]));
  try {
    await started.ready(() => answers(port));
    return started;
  } catch (error) {
    await started.stop();
    throw error;
  }
}
