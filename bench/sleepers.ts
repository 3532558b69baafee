import mysql from 'mysql2/promise';
import pg from 'pg';
import type { EngineName } from '../src/demo/cluster.ts';
import type { Aim } from './pgbench.ts';

/** A long read, and what ends its connection. */
interface Sleeper {
  readonly sleep: () => Promise<unknown>;
  readonly close: () => Promise<unknown> | unknown;
}

/** Clients that read for 200 ms, again and again, until they are disposed of; a read under way ends by itself. */
export class Sleepers implements AsyncDisposable {
  readonly #loops: Promise<void>;
  #ended = false;
  #failure: unknown;

  private constructor(sleepers: readonly Sleeper[]) {
    this.#loops = Promise.all(sleepers.map((one) => this.#repeat(one))).then(() => undefined);
  }

  /** Resolves when all are connected and have read once, so that they are no longer new to a proxy. */
  static async start(engine: EngineName, aim: Aim, count: number): Promise<Sleepers> {
    const connect = engine === 'postgres' ? postgresSleeper : mysqlSleeper;
    const sleepers = await Promise.all(Array.from({ length: count }, () => connect(aim)));
    await Promise.all(sleepers.map(({ sleep }) => sleep()));
    return new Sleepers(sleepers);
  }

  /** Throws what a read failed with. */
  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    await this.#loops;
  }

  async #repeat({ sleep, close }: Sleeper): Promise<void> {
    try {
      while (!this.#ended) await sleep();
    } catch (error) {
      this.#failure ??= error;
    }
    await close();
  }
}

async function postgresSleeper({ port, user, password, database }: Aim): Promise<Sleeper> {
  const client = new pg.Client({ host: '127.0.0.1', port, user, password, database });
  // A lost connection fails the next read.
  client.on('error', () => undefined);
  await client.connect();
  return { sleep: () => client.query('SELECT pg_sleep(0.2)'), close: () => client.end() };
}

async function mysqlSleeper({ port, user, password, database }: Aim): Promise<Sleeper> {
  const connection = await mysql.createConnection({ host: '127.0.0.1', port, user, password, database });
  connection.on('error', () => undefined);
  return { sleep: () => connection.query('SELECT SLEEP(0.2)'), close: () => connection.destroy() };
}
