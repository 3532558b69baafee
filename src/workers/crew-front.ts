import type { Catalogue } from '../core/catalogue.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Company, Verdict } from '../core/company.ts';
import { ProxyError } from '../core/errors.ts';
import type { Endpoint, NodeId } from '../core/node.ts';
import type { Ack, View } from '../core/view.ts';
import { Acks } from './acks.ts';
import { type Figures, Sum } from './figures.ts';
import type { Back, Counted, Front } from './front.ts';
import { Inquiry } from './inquiry.ts';
import { Ledger } from './ledger.ts';
import { Lessons } from './lessons.ts';
import type { ClusterDown, ClusterUp } from './messages.ts';
import { told } from './told.ts';

/** A worker that may still write where it must not is ended after twice this, in ms. */
const FENCE_WITHIN = 1_500;
/** One that obeys no view at all is ended after this, in ms. */
const OBEY_WITHIN = 30_000;
/** How workers name the share of clients. */
export const CLIENTS = 'clients';

/** What a front needs of the crew. */
export interface CrewPort {
  readonly ready: readonly number[];
  send(slot: number, message: ClusterDown): void;
  kill(slot: number, because: string): void;
  /** Asks all for their figures; gives those who did not answer. */
  ask(): Promise<ReadonlySet<number>>;
}

export interface CrewFrontOptions {
  readonly clock: Clock;
  readonly workers: number;
  readonly nodes: readonly NodeId[];
  readonly maxClients: number;
  readonly crew: CrewPort;
  readonly back: Back;
  /** A catalogue as plain data. */
  pack(catalogue: Catalogue): unknown;
  address(): Endpoint;
}

/** The fronts of one cluster in all workers, as one. Keeps what must be decided in one place; moves no client's bytes. */
export class CrewFront implements Front {
  readonly #options: CrewFrontOptions;
  readonly #acks = new Acks();
  readonly #sum: Sum;
  readonly #ledger: Ledger;
  readonly #lessons: Lessons;
  readonly #inquiry: Inquiry;
  #view: View | undefined;
  #watch: Timer | undefined;
  /** Workers that were late when last looked at. */
  #suspects = new Set<number>();

  constructor(options: CrewFrontOptions) {
    this.#options = options;
    this.#sum = new Sum(options.nodes);
    this.#ledger = new Ledger(options.workers, (slot, message) => options.crew.send(slot, message));
    this.#inquiry = new Inquiry(options);
    this.#lessons = new Lessons({
      pack: options.pack,
      send: (slot, message) => options.crew.send(slot, message),
    });
  }

  get address(): Endpoint {
    return this.#options.address();
  }

  get isOpen(): boolean {
    return this.#options.crew.ready.length > 0;
  }

  apply(view: View): void {
    const { clock, crew } = this.#options;
    this.#view = view;
    const ack = this.#acks.published(view, clock.now());
    for (const slot of crew.ready) crew.send(slot, { kind: 'view', view });
    this.#settled(ack);
    this.#watchLate();
  }

  learn(database: string, catalogue: Catalogue): void {
    this.#lessons.learn(database, catalogue);
  }

  doubt(database: string): void {
    this.#lessons.doubt(database);
  }

  async count(): Promise<Counted> {
    const silent = await this.#options.crew.ask();
    return { counters: this.#sum.counters(silent), pools: this.#sum.pools(silent) };
  }

  learned(database: string, sql: string, own: Verdict): Promise<Company> {
    return this.#inquiry.ask(database, sql, own);
  }

  /** The crew ends the workers, for all clusters at once. */
  close(): Promise<void> {
    this.#inquiry.close();
    this.#watch?.cancel();
    return Promise.resolve();
  }

  // ------------------------------------------------------------ workers

  /** Clients that a worker which begins may have. */
  reserve(slot: number): number {
    return this.#ledger.reserve(slot, CLIENTS, this.#options.maxClients);
  }

  /** Server connections, and places for clients, that went to workers which asked for more. */
  get granted(): number {
    return this.#ledger.granted;
  }

  /** A worker listens: it is told what it must know. */
  joined(slot: number): void {
    const { clock, crew } = this.#options;
    this.#acks.joined(slot, clock.now());
    if (this.#view !== undefined) crew.send(slot, { kind: 'view', view: this.#view });
    this.#watchLate();
  }

  ended(slot: number): void {
    this.#sum.ended(slot);
    this.#lessons.ended(slot);
    this.#inquiry.ended(slot);
    this.#ledger.ended(slot);
    this.#settled(this.#acks.ended(slot));
  }

  reported(slot: number, figures: Figures): void {
    this.#sum.told(slot, figures);
  }

  said(slot: number, message: ClusterUp): void {
    const { back, clock } = this.#options;
    switch (message.kind) {
      case 'ack':
        this.#settled(this.#acks.obeyed(slot, message.ack, clock.now()));
        return;
      case 'signal':
        back.signalled(message.signal);
        return;
      case 'events':
        for (const event of message.events) back.emit(event);
        return;
      case 'need': {
        const known = back.need(message.database);
        this.#lessons.need(slot, message.database, known);
        return;
      }
      case 'stale':
        this.#lessons.stale(slot, message.database, message.doubts);
        back.stale(message.database, message.how);
        return;
      case 'cancel':
      case 'strike':
      case 'struck':
        this.#pass(slot, message);
        return;
      case 'explained':
        this.#inquiry.answered(slot, message.ask, message.verdict);
        return;
      case 'want':
        this.#ledger.wanted(slot, message);
        return;
      case 'given':
        this.#ledger.given(slot, message.key, message.count, message.asked);
        return;
      case 'left':
        this.#ledger.left(slot, message.key, message.count);
        return;
      default:
        message satisfies never;
    }
  }

  /** From one worker to another: the number of a session says whose it is. */
  #pass(from: number, message: Extract<ClusterUp, { kind: 'cancel' | 'strike' | 'struck' }>): void {
    const { crew, workers } = this.#options;
    if (message.kind === 'struck') {
      const { kind, ask, refused } = message;
      crew.send(message.to, { kind, ask, refused });
      return;
    }
    const session = message.kind === 'cancel' ? message.session : message.strike.session;
    const owner = ownerOf(session, workers);
    if (message.kind === 'cancel') {
      crew.send(owner, message);
      return;
    }
    const { ask, user, strike } = message;
    if (crew.ready.includes(owner)) crew.send(owner, { kind: 'strike', from, ask, user, strike });
    else crew.send(from, { kind: 'struck', ask, refused: told(noWorker(session)) });
  }

  // ------------------------------------------------------------ acknowledgements

  #settled(ack: Ack | undefined): void {
    if (ack !== undefined) this.#options.back.acked(ack);
  }

  /** Looks twice: this process may have stood still, and what has arrived meanwhile is read in between. */
  #watchLate(): void {
    this.#watch ??= this.#options.clock.after(FENCE_WITHIN, () => {
      this.#watch = undefined;
      this.#judge();
    });
  }

  #judge(): void {
    const { clock, crew } = this.#options;
    const now = clock.now();
    const late = new Set(this.#acks.late(now - FENCE_WITHIN));
    const open = this.#acks.open().filter((slot) => late.has(slot));
    for (const slot of open) {
      if (this.#suspects.has(slot)) crew.kill(slot, 'it may still have connections that must be closed');
    }
    for (const slot of this.#acks.late(now - OBEY_WITHIN)) crew.kill(slot, 'it obeys no view any more');
    this.#suspects = new Set(open);
    if (late.size > 0 || this.#acks.waiting) this.#watchLate();
  }
}

/** The worker that has a session, by its number. */
export function ownerOf(session: number, workers: number): number {
  return (session - 1) % workers;
}

function noWorker(session: number): ProxyError {
  return new ProxyError('NO_SUCH_SESSION', {
    side: 'client',
    retry: 'no',
    tell: `there is no session ${session} at this proxy`,
  });
}
