import type { Clock, Timer } from '../core/clock.ts';
import { ProxyError } from '../core/errors.ts';
import type { Endpoint } from '../core/node.ts';
import type { Down, Report, Up } from './messages.ts';
import { untold } from './told.ts';

/** A process that serves clients, as its parent sees it. */
export interface WorkerProcess {
  readonly pid: number;
  send(message: Down): void;
  /** At once, whatever it does. */
  kill(): void;
}

/** What is heard of one; nothing comes after `ended`. */
export interface WorkerEars {
  said(message: Up): void;
  /** The process is gone, its connections with it. `how`: its exit code or signal. */
  ended(how: string): void;
}

/** What those who speak with workers hear. */
export interface CrewEars {
  /** The first message for a worker. */
  start(slot: number, addresses: readonly Endpoint[] | undefined): Down;
  /** It listens. */
  joined(slot: number): void;
  said(slot: number, message: Extract<Up, { kind: 'cluster' }>): void;
  reported(slot: number, report: Report): void;
  ended(slot: number): void;
}

export type CrewNews =
  | { readonly kind: 'started'; readonly slot: number; readonly pid: number }
  | { readonly kind: 'ended'; readonly slot: number; readonly pid: number; readonly how: string }
  | { readonly kind: 'killed'; readonly slot: number; readonly pid: number; readonly because: string };

export interface CrewOptions {
  readonly clock: Clock;
  readonly workers: number;
  spawn(slot: number, ears: WorkerEars): WorkerProcess;
  tell(news: CrewNews): void;
}

/** A worker that does not listen within this is killed, in ms. */
const READY_WITHIN = 20_000;
/** Wait before a worker is replaced: doubled with each that ends early, up to the greatest, in ms. */
const FIRST_WAIT = 50;
const LAST_WAIT = 10_000;
/** A worker that lived so long counts as having been well, in ms. */
const WELL_AFTER = 10_000;
/** An orderly end may take so long, in ms; what still runs is killed. */
const CLOSE_WITHIN = 5_000;
/** The answer to a question is waited for so long, in ms. */
const ANSWER_WITHIN = 1_000;

interface Slot {
  process: WorkerProcess | undefined;
  ready: boolean;
  since: number;
  /** Ends in a row that came early. */
  early: number;
  timer: Timer | undefined;
  error: ProxyError | undefined;
}

/** The worker processes: started, replaced when they end, asked and ended. Owns them and the timers about them. */
export class Crew {
  readonly #options: CrewOptions;
  readonly #ears: CrewEars;
  readonly #slots: Slot[];
  readonly #asks = new Map<number, (slot: number, report: Report) => void>();
  #addresses: readonly Endpoint[] | undefined;
  #lastAsk = 0;
  #closing = false;
  /** Called at each change of a slot's state while somebody waits for one. */
  #watchers = new Set<() => void>();
  /** Workers that were started in the place of others, and questions that were not answered in time. */
  replaced = 0;
  silences = 0;

  constructor(options: CrewOptions, ears: CrewEars) {
    this.#options = options;
    this.#ears = ears;
    this.#slots = Array.from({ length: options.workers }, () => ({
      process: undefined,
      ready: false,
      since: 0,
      early: 0,
      timer: undefined,
      error: undefined,
    }));
  }

  /** Where the clusters listen. */
  get addresses(): readonly Endpoint[] {
    return this.#addresses ?? [];
  }

  /** Workers that listen. */
  get ready(): number[] {
    return this.#slots.flatMap(({ ready }, slot) => (ready ? [slot] : []));
  }

  pid(slot: number): number | undefined {
    return this.#slots[slot]?.process?.pid;
  }

  /**
   * Starts all of them; the first one picks the ports that are left open. Rejects with what kept one from listening,
   * and leaves none then.
   */
  async start(): Promise<void> {
    try {
      this.#begin(0);
      await this.#until(() => this.#slots[0]?.ready === true);
      for (let slot = 1; slot < this.#slots.length; slot++) this.#begin(slot);
      await this.#until(() => this.#slots.every(({ ready }) => ready));
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** To a worker that may not listen yet; nothing where there is none. */
  send(slot: number, message: Down): void {
    this.#slots[slot]?.process?.send(message);
  }

  /** Ends a worker that does not do as it must. Whoever waits for its end hears of it when it is gone. */
  kill(slot: number, because: string): void {
    const process = this.#slots[slot]?.process;
    if (process === undefined) return;
    this.#options.tell({ kind: 'killed', slot, pid: process.pid, because });
    process.kill();
  }

  /** Asks all that listen what they have counted; gives those who did not answer in time. */
  ask(): Promise<ReadonlySet<number>> {
    const waiting = new Set(this.ready);
    if (waiting.size === 0) return Promise.resolve(waiting);
    const ask = ++this.#lastAsk;
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        this.#watchers.delete(gone);
        this.#asks.delete(ask);
        this.silences += waiting.size;
        resolve(waiting);
      };
      const gone = (): void => {
        for (const slot of waiting) if (this.#slots[slot]?.ready !== true) waiting.delete(slot);
        if (waiting.size === 0) done();
      };
      const timer = this.#options.clock.after(ANSWER_WITHIN, done);
      this.#watchers.add(gone);
      this.#asks.set(ask, (slot) => {
        waiting.delete(slot);
        if (waiting.size === 0) done();
      });
      for (const slot of waiting) this.send(slot, { kind: 'figures', ask });
    });
  }

  /** Ends all of them, in order where they can; resolves when no process is left. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const slot of this.#slots) slot.timer?.cancel();
    for (const { process, ready } of this.#slots) {
      if (ready) process?.send({ kind: 'close' });
      else process?.kill();
    }
    const late = this.#options.clock.after(CLOSE_WITHIN, () => {
      for (const { process } of this.#slots) process?.kill();
    });
    await this.#until(() => this.#slots.every(({ process }) => process === undefined));
    late.cancel();
  }

  // ------------------------------------------------------------ one worker

  #begin(at: number): void {
    const slot = this.#slots[at];
    if (slot === undefined || this.#closing) return;
    const { clock, spawn } = this.#options;
    slot.since = clock.now();
    slot.error = undefined;
    let life: WorkerProcess | undefined;
    const isThis = (): boolean => life !== undefined && slot.process === life;
    life = spawn(at, {
      said: (message) => {
        if (isThis()) this.#said(at, slot, message);
      },
      ended: (how) => {
        if (isThis()) this.#ended(at, slot, how);
      },
    });
    slot.process = life;
    slot.timer = clock.after(READY_WITHIN, () =>
      this.kill(at, `it did not listen within ${READY_WITHIN} ms`),
    );
    life.send(this.#ears.start(at, this.#addresses));
  }

  #said(at: number, slot: Slot, message: Up): void {
    switch (message.kind) {
      case 'ready':
        slot.timer?.cancel();
        slot.ready = true;
        this.#addresses ??= message.addresses;
        this.#options.tell({ kind: 'started', slot: at, pid: slot.process?.pid ?? 0 });
        this.#ears.joined(at);
        this.#changed();
        return;
      case 'failed':
        slot.error = untold(message.error);
        return;
      case 'figures':
        this.#ears.reported(at, message.report);
        this.#asks.get(message.ask)?.(at, message.report);
        return;
      case 'cluster':
        this.#ears.said(at, message);
        return;
      default:
        message satisfies never;
    }
  }

  #ended(at: number, slot: Slot, how: string): void {
    const { clock, tell } = this.#options;
    const pid = slot.process?.pid ?? 0;
    const why = slot.error === undefined ? how : `${how}: ${slot.error.message}`;
    slot.timer?.cancel();
    slot.process = undefined;
    slot.ready = false;
    slot.error ??= endedEarly(at, how);
    this.#ears.ended(at);
    if (!this.#closing) {
      tell({ kind: 'ended', slot: at, pid, how: why });
      slot.early = clock.now() - slot.since >= WELL_AFTER ? 0 : slot.early + 1;
      const wait = Math.min(LAST_WAIT, FIRST_WAIT * 2 ** Math.min(16, slot.early));
      slot.timer = clock.after(wait, () => {
        this.replaced++;
        this.#begin(at);
      });
    }
    this.#changed();
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Resolves when it holds; rejects when a worker has ended meanwhile, unless that is what is waited for. */
  #until(holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const failed = this.#closing ? undefined : this.#slots.find(({ error }) => error !== undefined);
        if (!holds() && failed === undefined) return;
        this.#watchers.delete(look);
        if (holds()) resolve();
        else reject(failed?.error);
      };
      this.#watchers.add(look);
      look();
    });
  }
}

function endedEarly(slot: number, how: string): ProxyError {
  return new ProxyError('CONFIG', {
    side: 'proxy',
    retry: 'safe',
    tell: `worker ${slot} ended with ${how} before it listened; its own output says why`,
  });
}
