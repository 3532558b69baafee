import { resolve } from 'node:path';
import type { EngineName } from '../../src/demo/cluster.ts';
import type { Aim } from '../pgbench.ts';
import { answers, Started, withFiles } from '../process.ts';
import { NODE_OPTIONS } from '../proxy.ts';

/** Its name in every table. It is no peer. */
export const FLOOR = 'floor (bare relay in Node)';
export const FLOOR_WORDS =
  "a bare relay in Node over two server connections that finds the ends of answers; it does none of a proxy's work, " +
  'without log-in, routing, rules of a pool or checks; it is no peer, and who makes fewer system calls passes it';
/** Sockets that it may have open. */
const FILES = 2_000;

/** Starts it before the primary, with Node's options as Pointsman has them; resolves when it takes connections. */
export async function startFloor(
  { engine, direct }: { readonly engine: EngineName; readonly direct: Aim },
  port: number,
): Promise<Started> {
  const { port: server, user, password, database } = direct;
  const file = resolve(import.meta.dirname, 'server.ts');
  const protocol = engine === 'postgres' ? 'postgres' : 'mysql';
  const args = [protocol, String(port), String(server), user, password, database];
  const started = new Started(FLOOR, withFiles(FILES, [process.execPath, ...NODE_OPTIONS, file, ...args]));
  try {
    await started.ready(() => answers(port));
    return started;
  } catch (error) {
    await started.stop();
    throw error;
  }
}
