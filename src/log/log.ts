import pino, { type DestinationStream, type Logger } from 'pino';
import type { Clock, Timer } from '../core/clock.ts';
import type { Emit, Event } from '../core/events.ts';
import { type Entry, entryOf } from './entry.ts';
import { Limiter, REPORT_EVERY_MS } from './limiter.ts';
import { scrub } from './scrub.ts';

/** Lines that may wait for a slow reader of standard output; past it they are dropped and counted. */
const MOST_WAITING_BYTES = 4 * 1024 * 1024;

const LONGEST_STACK = 4000;

export interface LogOptions {
  readonly level: string;
  /** Monotonic, for the limits. */
  readonly clock: Clock;
  /** Takes whole lines; by default standard output, without ever blocking. */
  readonly destination?: DestinationStream;
}

export interface Log {
  /** Where a cluster's events are logged. */
  emitFor(cluster: string): Emit;
  /** For what is not an event: start, stop, configuration. Give each line an `event` name. */
  readonly logger: Logger;
  /** Says what was left out, writes all that waits. Nothing is logged afterwards. */
  close(): void;
}

/** One JSON object a line: level, time, event, cluster, msg and the event's fields. */
export function startLog({ level, clock, destination }: LogOptions): Log {
  const own = destination === undefined ? openOutput() : undefined;
  const logger = pino(
    {
      level,
      formatters: { level: (label) => ({ level: label }), bindings: ({ pid }) => ({ pid }) },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: ['password', '*.password', '*.*.password'], censor: '[hidden]' },
      serializers: { err: errorFields, error: errorFields },
    },
    destination ?? own?.stream,
  );
  const writer = new EventWriter(logger, clock);
  return {
    emitFor: (cluster) => writer.emitFor(cluster),
    logger,
    close: () => {
      writer.close();
      const dropped = own?.dropped() ?? 0;
      if (dropped > 0)
        logger.warn({ event: 'log.dropped', count: dropped }, 'lines were lost: nobody read them');
      own?.close();
    },
  };
}

/** Writes events as lines, limited. Owns the timer that says what was left out. */
class EventWriter {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #limiter = new Limiter();
  #timer: Timer | undefined;
  #closed = false;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  emitFor(cluster: string): Emit {
    let lastView = '';
    return (event: Event) => {
      if (this.#closed) return;
      const entry = entryOf(event);
      if (!this.#logger.isLevelEnabled(entry.level)) return;
      if (event.kind === 'view-changed') {
        const now = JSON.stringify(entry.fields);
        if (now === lastView) return;
        lastView = now;
      }
      if (this.#passes(cluster, entry)) this.#write(cluster, entry);
    };
  }

  close(): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    this.#report(true);
    this.#closed = true;
  }

  #passes(cluster: string, entry: Entry): boolean {
    if (entry.limit === undefined) return true;
    const passes = this.#limiter.passes(
      `${cluster} ${entry.name} ${entry.limit}`.trimEnd(),
      this.#clock.now(),
    );
    if (!passes) this.#remind();
    return passes;
  }

  #remind(): void {
    this.#timer ??= this.#clock.after(REPORT_EVERY_MS, () => {
      this.#timer = undefined;
      this.#report(false);
      if (this.#limiter.pending) this.#remind();
    });
  }

  #report(all: boolean): void {
    const found = this.#limiter.leftOut(this.#clock.now(), all);
    for (const { kind, count } of found) {
      this.#logger.warn(
        { event: 'log.limited', kind, count },
        `${count} more lines of this kind were left out`,
      );
    }
  }

  #write(cluster: string, { name, level, message, fields }: Entry): void {
    const line: Record<string, unknown> = { event: name, cluster };
    for (const [key, value] of Object.entries(fields)) {
      line[key] = typeof value === 'string' ? scrub(value) : value;
    }
    this.#logger[level](line, scrub(message));
  }
}

/** Standard output that never blocks and never waits without bound. pino flushes it when the process ends. */
function openOutput(): { readonly stream: DestinationStream; dropped(): number; close(): void } {
  let dropped = 0;
  const stream = pino.destination({ dest: 1, sync: false, maxLength: MOST_WAITING_BYTES });
  stream.on('error', () => undefined);
  stream.on('drop', () => dropped++);
  return {
    stream,
    dropped: () => dropped,
    close: () => {
      try {
        stream.flushSync();
      } catch {
        // Nobody reads standard output any more, or it never opened: there is nowhere to say so.
      }
    },
  };
}

/** An error without its properties: drivers hang connection options on them. */
function errorFields(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    code,
    message: scrub(error.message),
    stack: scrub(error.stack ?? '', LONGEST_STACK),
  };
}
