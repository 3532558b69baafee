import type { ProbeOptions, Target } from '../core/engine.ts';
import type { Observation, Seen, SyncRequirement, Unseen } from '../core/node.ts';
import { within } from '../net/deadline.ts';
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
interface Kept {
  readonly connection: ControlConnection;
  readonly target: Target;
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

/**
 * Observes one node. Owns its connection: kept while it answers, closed when it fails or a question takes too
 * long. Questions follow one another.
 */
export class NodeProbe {
  readonly #options: ProbeOptions;
  readonly #closed: AbortSignal;
  readonly #slots: readonly string[];
  #kept: Kept | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #own: string[] = [];

  constructor(options: ProbeOptions, closed: AbortSignal) {
    this.#options = options;
    this.#closed = closed;
    this.#slots = slotNames(options.applicationName);
  }

  /** Never rejects. */
  observe(target: Target): Promise<Observation> {
    const observation = this.#turn.then(() => this.#observe(target));
    this.#turn = observation;
    return observation;
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#kept?.connection.close();
  }

  async #observe(target: Target): Promise<Observation> {
    const { clock, timeoutMs } = this.#options;
    const begun = clock.now();
    try {
      return await within(timeoutMs, this.#closed, (signal) => this.#askTwice(target, signal));
    } catch (error) {
      this.#drop();
      const unseen: Unseen = {
        kind: 'unseen',
        node: target.node,
        askedAt: begun,
        at: clock.now(),
        failure: this.#closed.aborted ? 'other' : failureOf(error),
        message: messageOf(error),
      };
      return unseen;
    }
  }

  /** A kept connection may have died of an earlier fault (a restart, a fence): a fresh one tells the present. */
  async #askTwice(target: Target, signal: AbortSignal): Promise<Seen> {
    const kept = this.#usable(target);
    if (kept === undefined) return await this.#ask(await this.#open(target, signal), signal);
    try {
      return await this.#ask(kept, signal);
    } catch (error) {
      const failure = failureOf(error);
      if (signal.aborted || failure === 'timeout' || failure === 'denied') throw error;
      this.#drop();
      return await this.#ask(await this.#open(target, signal), signal);
    }
  }

  #usable(target: Target): Kept | undefined {
    const kept = this.#kept;
    if (kept !== undefined && !kept.connection.broken && sameTarget(kept.target, target)) return kept;
    this.#drop();
    return undefined;
  }

  #drop(): void {
    this.#kept?.connection.destroy();
    this.#kept = undefined;
  }

  async #open(target: Target, signal: AbortSignal): Promise<Kept> {
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
    this.#kept = { ...kept, semiSync, greetedAt };
    return this.#kept;
  }

  async #ask(known: Kept, signal: AbortSignal): Promise<Seen> {
    const { clock, replicas } = this.#options;
    const stale = clock.now() - known.greetedAt >= GREETED_FOR;
    const { connection, target, isMaria, semiSync } = stale ? await this.#greeted(known, signal) : known;
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

function sameTarget(a: Target, b: Target): boolean {
  return (
    a.endpoint.host === b.endpoint.host &&
    a.endpoint.port === b.endpoint.port &&
    a.user === b.user &&
    a.password === b.password &&
    a.tls === b.tls
  );
}
