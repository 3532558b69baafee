import type { ProbeOptions, Target } from '../core/engine.ts';
import type { Observation, Seen, Unseen } from '../core/node.ts';
import { within } from '../net/deadline.ts';
import { shownName } from './application-name.ts';
import { ControlConnection, type Row } from './control-connection.ts';
import { failureOf, messageOf } from './failure.ts';
import {
  GREETING_QUERY,
  type Greeting,
  greetingOf,
  HISTORY_QUERY,
  historyFile,
  OBSERVE_QUERY,
  SEGMENTS_QUERY,
  seenOf,
  timelineIn,
  timelineOfFile,
} from './observation.ts';
import { type Fork, forksOf } from './position.ts';

/** The kept connection and what is known while the server behind it runs. */
interface Kept {
  readonly connection: ControlConnection;
  readonly target: Target;
  readonly greeting: Greeting;
}

/**
 * Observes one node. Owns its connection: kept while it answers, closed when it fails or a question takes too
 * long. Questions follow one another.
 */
export class NodeProbe {
  #options: ProbeOptions;
  #closed: AbortSignal;
  #kept: Kept | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  /** When the run of the server began from which the next two are. */
  #started = '';
  #timeline = 0;
  #forks = new Map<number, readonly Fork[]>();

  constructor(options: ProbeOptions, closed: AbortSignal) {
    this.#options = options;
    this.#closed = closed;
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
      if (signal.aborted || failureOf(error) !== 'reset') throw error;
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
      statementTimeoutMs: timeoutMs,
      signal,
    });
    try {
      const [row] = await connection.query(GREETING_QUERY, [], signal);
      const kept = { connection, target, greeting: greetingOf(row) };
      this.#kept = kept;
      this.#remember(kept.greeting);
      return kept;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  /** A restarted server may have other data: then nothing seen before holds. */
  #remember(greeting: Greeting): void {
    const run = `${greeting.identity} ${greeting.started}`;
    if (run === this.#started) return;
    this.#started = run;
    this.#timeline = 0;
    this.#forks.clear();
  }

  async #ask(kept: Kept, signal: AbortSignal): Promise<Seen> {
    const { clock, applicationName, replicas } = this.#options;
    const { prefix, name } = shownName(applicationName);
    const askedAt = clock.now();
    const [row] = await kept.connection.query(OBSERVE_QUERY, [prefix, name], signal);
    if (row === undefined) throw new Error('the server answered without a row');
    const timeline = await this.#timelineOf(row, kept, signal);
    return seenOf(row, {
      node: kept.target.node,
      askedAt,
      at: clock.now(),
      greeting: kept.greeting,
      timeline,
      forks: await this.#forksOf(timeline, kept, signal),
      replicas,
    });
  }

  /**
   * As the row tells; else the newest of what was seen and what the data folder tells: a receiver may have come
   * and gone since the last observation.
   */
  async #timelineOf(row: Row, kept: Kept, signal: AbortSignal): Promise<number> {
    const told = timelineIn(row);
    if (told !== undefined) this.#timeline = told;
    else this.#timeline = Math.max(this.#timeline, await this.#newestTimeline(kept, signal));
    return this.#timeline;
  }

  async #newestTimeline({ connection, greeting }: Kept, signal: AbortSignal): Promise<number> {
    if (!greeting.segments) return greeting.timeline;
    const [newest] = await connection.query(SEGMENTS_QUERY, [], signal);
    const file = newest?.['file'];
    return Math.max(greeting.timeline, typeof file === 'string' ? timelineOfFile(file) : 0);
  }

  /** Where the ancestors of a timeline were left; undefined: not known, or this account may not read it. */
  async #forksOf(timeline: number, kept: Kept, signal: AbortSignal): Promise<readonly Fork[] | undefined> {
    if (timeline <= 1) return undefined;
    const known = this.#forks.get(timeline);
    if (known !== undefined || !kept.greeting.histories) return known;
    const [row] = await kept.connection.query(HISTORY_QUERY, [historyFile(timeline)], signal);
    const history = row?.['history'];
    if (typeof history !== 'string') return undefined;
    const forks = forksOf(history);
    this.#forks.set(timeline, forks);
    return forks;
  }
}

function sameTarget(a: Target, b: Target): boolean {
  return (
    a.endpoint.host === b.endpoint.host &&
    a.endpoint.port === b.endpoint.port &&
    a.user === b.user &&
    a.password === b.password &&
    a.database === b.database &&
    a.tls === b.tls
  );
}
