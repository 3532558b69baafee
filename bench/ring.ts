import type { Arena } from './arena.ts';
import { type Contestant, inShort } from './contest.ts';
import { FLOOR_WORDS, type FloorName, floorsOf, startFloor, TRANSACTION_FLOOR } from './floor/floor.ts';
import { findHaproxy, startHaproxy } from './peers/haproxy.ts';
import { findOdyssey, startOdyssey } from './peers/odyssey.ts';
import { findPgBouncer, knowsPrepared, startPgBouncer } from './peers/pgbouncer.ts';
import { findPgpool, startPgpool } from './peers/pgpool.ts';
import type { Program } from './peers/program.ts';
import { findProxysql, startProxysql } from './peers/proxysql.ts';
import { findRouter, startRouter } from './peers/router.ts';
import type { Started } from './process.ts';
import { startProxy } from './proxy.ts';

export type PeerName = 'PgBouncer' | 'Pgpool-II' | 'Odyssey' | 'HAProxy' | 'MySQL Router' | 'ProxySQL';

/** Server connections that PgBouncer, and the floor of transactions, is tried with; the best counts, for each measure by itself. */
export const BOUNCER_POOLS = [4, 8, 20] as const;
/** Server connections that Pointsman may have per node. */
export const POOL = 20;
/** Sockets that it may have open. */
const FILES = 20_000;
export const OURS = 'Pointsman';
export const DIRECT = 'direct';

/**
 * Who may take part: a direct connection, a form of the floor, Pointsman with its reads on the primary or on the
 * replicas, a peer.
 */
export type Entrant = typeof DIRECT | FloorName | 'primary' | 'replicas' | PeerName;

const FINDERS: Readonly<Record<PeerName, () => Program | string>> = {
  PgBouncer: findPgBouncer,
  'Pgpool-II': findPgpool,
  Odyssey: findOdyssey,
  HAProxy: findHaproxy,
  'MySQL Router': findRouter,
  ProxySQL: findProxysql,
};

const OF_ENGINE: Readonly<Record<Arena['engine'], readonly PeerName[]>> = {
  postgres: ['PgBouncer', 'Pgpool-II', 'Odyssey', 'HAProxy'],
  mysql: ['MySQL Router', 'HAProxy', 'ProxySQL'],
  mariadb: ['MySQL Router', 'HAProxy', 'ProxySQL'],
};

const isFloor = (entrant: Entrant): entrant is FloorName => Object.hasOwn(FLOOR_WORDS, entrant);

export const peersOf = (engine: Arena['engine']): readonly PeerName[] => OF_ENGINE[engine];

/** Starts the contestants before an arena when they are first asked for, and ends them all. */
export class Ring implements AsyncDisposable {
  readonly arena: Arena;
  readonly #owned = new AsyncDisposableStack();
  readonly #running = new Map<string, Promise<Contestant>>();
  readonly #programs = new Map<PeerName, Program | string>();
  /** Pgpool-II is laid out for a number of clients: the one that runs, and for how many. */
  #pgpool: { readonly clients: number; readonly process: Started; readonly port: number } | undefined;

  readonly #pools: readonly number[];

  /** `pools`: server connections that PgBouncer, and the floor of transactions, is tried with. */
  constructor(arena: Arena, pools: readonly number[] = BOUNCER_POOLS) {
    this.arena = arena;
    this.#pools = pools;
  }

  /** The peer's program, or why there is none, in words. */
  program(peer: PeerName): Program | string {
    const known = this.#programs.get(peer) ?? FINDERS[peer]();
    this.#programs.set(peer, known);
    return known;
  }

  /** One line a peer of this engine: its version, or that it is not here; and what the floor is. */
  lines(): string[] {
    const { engine } = this.arena;
    const peers = peersOf(engine).map((peer) => {
      const found = this.program(peer);
      return typeof found === 'string' ? `without ${peer}: ${found}` : `${peer} ${found.version}`;
    });
    return [...peers, ...floorsOf(engine).map((name) => `${name}: ${FLOOR_WORDS[name]}`)];
  }

  /** Of those that are here, by name. */
  versions(): Record<string, string> {
    const found: Record<string, string> = {};
    for (const peer of peersOf(this.arena.engine)) {
      const program = this.program(peer);
      if (typeof program !== 'string') found[peer] = program.version;
    }
    return found;
  }

  /** Those of them that are here, ready for `clients` at one time; PgBouncer once per size of its pool. */
  async contestants(entrants: readonly Entrant[], clients: number): Promise<Contestant[]> {
    const found: Contestant[] = [];
    for (const entrant of entrants) found.push(...(await this.#enter(entrant, clients)));
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pgpool?.process.stop();
    await this.#owned.disposeAsync();
  }

  async #enter(entrant: Entrant, clients: number): Promise<Contestant[]> {
    const { direct } = this.arena;
    if (entrant === DIRECT) return [{ name: DIRECT, aim: direct, process: undefined }];
    if (entrant === TRANSACTION_FLOOR) return this.#transactionFloors();
    if (isFloor(entrant)) return [await this.#once(entrant, (port) => startFloor(this.arena, port, entrant))];
    if (entrant === 'primary' || entrant === 'replicas') return [await this.#ours(entrant)];
    const program = this.program(entrant);
    if (typeof program === 'string') return [];
    try {
      return await this.#peers(entrant, program, clients);
    } catch (error) {
      this.arena.signal.throwIfAborted();
      // It is told like one that is not here.
      const reason = inShort(error);
      this.#programs.set(entrant, `it did not start: ${reason}`);
      process.stderr.write(`${entrant} did not start: ${reason}\n`);
      return [];
    }
  }

  async #peers(entrant: PeerName, program: Program, clients: number): Promise<Contestant[]> {
    if (entrant === 'Pgpool-II') return [await this.#balanced(program, clients)];
    if (entrant !== 'PgBouncer') return [await this.#peer(entrant, program)];
    const pools: Contestant[] = [];
    for (const size of this.#pools) pools.push(await this.#bouncer(program, size));
    return pools;
  }

  /** With each size of the pool that PgBouncer has. */
  async #transactionFloors(): Promise<Contestant[]> {
    const floors: Contestant[] = [];
    for (const size of this.#pools) {
      const name = `${TRANSACTION_FLOOR}, pool of ${size}`;
      floors.push(await this.#once(name, (port) => startFloor(this.arena, port, TRANSACTION_FLOOR, size)));
    }
    return floors;
  }

  #ours(reads: 'primary' | 'replicas'): Promise<Contestant> {
    const name = `${OURS}, reads: ${reads}`;
    return this.#once(name, async (port) => {
      const adminPort = await this.arena.nextPort();
      const name = `pointsman-${reads}`;
      return startProxy(this.arena, { name, port, adminPort, reads, poolSize: POOL, files: FILES });
    });
  }

  async #bouncer(program: Program, size: number): Promise<Contestant> {
    const contestant = await this.#once(`PgBouncer, pool of ${size}`, (port) =>
      startPgBouncer(program, this.arena, port, size),
    );
    return knowsPrepared(program.version) ? contestant : { ...contestant, protocols: ['simple', 'extended'] };
  }

  #peer(peer: Exclude<PeerName, 'PgBouncer' | 'Pgpool-II'>, program: Program): Promise<Contestant> {
    const { arena } = this;
    return this.#once(peer, async (port) => {
      if (peer === 'Odyssey') return startOdyssey(program, arena, port);
      if (peer === 'ProxySQL') return startProxysql(program, arena, [port, await arena.nextPort()]);
      const start = peer === 'HAProxy' ? startHaproxy : startRouter;
      return start(program, arena, port, arena.direct.port);
    });
  }

  async #balanced(program: Program, clients: number): Promise<Contestant> {
    if (this.#pgpool?.clients !== clients) {
      await this.#pgpool?.process.stop();
      this.#pgpool = undefined;
      const port = await this.arena.nextPort();
      const ports = [port, await this.arena.nextPort()] as const;
      this.#pgpool = { clients, port, process: await startPgpool(program, this.arena, ports, clients) };
    }
    const { port, process } = this.#pgpool;
    return { name: 'Pgpool-II', aim: { ...this.arena.direct, port }, process };
  }

  #once(name: string, start: (port: number) => Promise<Started>): Promise<Contestant> {
    const known = this.#running.get(name);
    if (known !== undefined) return known;
    const starting = this.#start(name, start);
    this.#running.set(name, starting);
    return starting;
  }

  async #start(name: string, start: (port: number) => Promise<Started>): Promise<Contestant> {
    const port = await this.arena.nextPort();
    const process = this.#owned.use(await start(port));
    return { name, aim: { ...this.arena.direct, port }, process };
  }
}
