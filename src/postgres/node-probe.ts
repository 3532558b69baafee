import type { ProbeOptions } from '../core/engine.ts';
import type { ProbeFailure, Seen } from '../core/node.ts';
import type { Target } from '../core/wire.ts';
import { type KeptConnection, NodeObserver } from '../net/node-observer.ts';
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
interface Kept extends KeptConnection {
  readonly connection: ControlConnection;
  readonly greeting: Greeting;
}

/** Observes one node over its kept connection. */
export class NodeProbe extends NodeObserver<Kept> {
  readonly #options: ProbeOptions;
  /** When the run of the server began from which the next two are. */
  #started = '';
  #timeline = 0;
  #forks = new Map<number, readonly Fork[]>();

  constructor(options: ProbeOptions, closed: AbortSignal) {
    super(options, closed);
    this.#options = options;
  }

  protected failure(error: unknown): { failure: ProbeFailure; message: string } {
    return { failure: failureOf(error), message: messageOf(error) };
  }

  protected mayBeStale(failure: ProbeFailure): boolean {
    return failure === 'reset';
  }

  protected async open(target: Target, signal: AbortSignal): Promise<Kept> {
    const { applicationName, timeoutMs } = this.#options;
    const connection = await ControlConnection.open(target, {
      applicationName,
      statementTimeoutMs: timeoutMs,
      signal,
    });
    try {
      const [row] = await connection.query(GREETING_QUERY, [], signal);
      const greeting = greetingOf(row);
      this.#remember(greeting);
      return { connection, target, greeting };
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

  protected async ask(kept: Kept, signal: AbortSignal): Promise<Seen> {
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
