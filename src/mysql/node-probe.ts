import type { ProbeOptions } from '../core/engine.ts';
import type { ProbeFailure, Seen, SyncRequirement } from '../core/node.ts';
import type { Target } from '../core/wire.ts';
import { type KeptConnection, NodeObserver } from '../net/node-observer.ts';
import { channelsIn, channelsQuery } from './channels.ts';
import { isMariaDb } from './collations.ts';
import { ControlConnection, type Row } from './control-connection.ts';
import { failureOf, messageOf } from './failure.ts';
import { observeQuery, seenOf } from './observation.ts';
import { freeSlot, holdersIn, slotNames, takeSlot } from './presence.ts';
import {
  clientsQuery,
  SEMI_SYNC_QUERY,
  type SemiSync,
  semiSyncIn,
  syncRequirement,
  waitsIn,
} from './synchronous.ts';

/** The kept connection and what is known of the server behind it. */
interface Kept extends KeptConnection {
  readonly connection: ControlConnection;
  readonly isMaria: boolean;
  readonly semiSync: SemiSync;
  /** When it was asked which plugins it has; they come and go at run time. */
  readonly greetedAt: number;
}

/** Ms after which a server is asked again which plugins it has. */
const GREETED_FOR = 10_000;
const NO_SYNC: SyncRequirement = { needed: 0, listed: 0 };
/** Connections of this prober whose end a server may not have noticed yet: remembered, so as not to be strangers. */
const OWN_REMEMBERED = 64;

/** Observes one node over its kept connection. */
export class NodeProbe extends NodeObserver<Kept> {
  readonly #options: ProbeOptions;
  readonly #slots: readonly string[];
  #own: string[] = [];

  constructor(options: ProbeOptions, closed: AbortSignal) {
    super(options, closed);
    this.#options = options;
    this.#slots = slotNames(options.applicationName);
  }

  protected failure(error: unknown): { failure: ProbeFailure; message: string } {
    return { failure: failureOf(error), message: messageOf(error) };
  }

  protected mayBeStale(failure: ProbeFailure): boolean {
    return failure !== 'timeout' && failure !== 'denied';
  }

  protected async open(target: Target, signal: AbortSignal): Promise<Kept> {
    const { applicationName, timeoutMs } = this.#options;
    const connection = await ControlConnection.open(target, {
      applicationName,
      lockTimeoutMs: timeoutMs,
      signal,
    });
    try {
      const [row] = await connection.query('SELECT @@version AS version', signal);
      this.#own = [connection.id, ...this.#own].slice(0, OWN_REMEMBERED);
      const isMaria = isMariaDb(row?.['version'] ?? '');
      return await this.#greeted({ connection, target, isMaria }, signal);
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  async #greeted(kept: Omit<Kept, 'semiSync' | 'greetedAt'>, signal: AbortSignal): Promise<Kept> {
    const greetedAt = this.#options.clock.now();
    const semiSync = semiSyncIn(await kept.connection.query(SEMI_SYNC_QUERY, signal));
    return { ...kept, semiSync, greetedAt };
  }

  protected async ask(known: Kept, signal: AbortSignal): Promise<Seen> {
    const { clock, replicas } = this.#options;
    const stale = clock.now() - known.greetedAt >= GREETED_FOR;
    const { connection, target, isMaria, semiSync } = stale
      ? this.keep(await this.#greeted(known, signal))
      : known;
    const askedAt = clock.now();
    const channels = channelsIn(await connection.query(channelsQuery(isMaria), signal));
    const [row] = await connection.query(observeQuery(isMaria, semiSync, this.#slots), signal);
    if (row === undefined) throw new Error('the server answered without a row');
    const needed = waitsIn(row);
    const sync =
      needed === 0
        ? NO_SYNC
        : syncRequirement(needed, await connection.query(clientsQuery(semiSync), signal), replicas);
    const otherProxies = await this.#others(row, connection, signal);
    return seenOf(row, {
      node: target.node,
      askedAt,
      at: clock.now(),
      isMaria,
      channels,
      sync,
      otherProxies,
    });
  }

  /** Shows this proxy to others, and gives the addresses of others on this account. */
  async #others(row: Row, connection: ControlConnection, signal: AbortSignal): Promise<string[]> {
    const holders = holdersIn(row);
    if (!holders.includes(connection.id)) {
      const free = freeSlot(row, this.#slots);
      if (free !== undefined) await connection.query(takeSlot(free), signal);
    }
    const strangers = holders.filter((id) => !this.#own.includes(id));
    if (strangers.length === 0) return [];
    // Any client may take a lock of any name: only those of the same account count.
    const sessions = await connection.query('SHOW PROCESSLIST', signal);
    const user = sessions.find(({ Id }) => Id === connection.id)?.['User'];
    return strangers.flatMap((id) => {
      const session = sessions.find(({ Id }) => Id === id);
      return session !== undefined && session['User'] === user
        ? [`${session['Host']} (connection ${id})`]
        : [];
    });
  }
}
