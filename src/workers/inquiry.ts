import type { Clock } from '../core/clock.ts';
import type { Company, Verdict } from '../core/company.ts';
import { companyOfAll } from './companies.ts';
import type { ClusterDown } from './messages.ts';

/** Answers are waited for so long, in ms; a worker that has not answered by then is left out. */
const ANSWER_WITHIN = 1_000;

export interface InquiryOptions {
  readonly clock: Clock;
  readonly crew: {
    readonly ready: readonly number[];
    send(slot: number, message: ClusterDown): void;
  };
}

interface Pending {
  readonly waiting: Set<number>;
  readonly answers: Map<number, Verdict | undefined>;
  readonly done: () => void;
}

/** Asks the workers of a cluster what they have learned of a statement. Owns the timers that end its waits. */
export class Inquiry {
  readonly #options: InquiryOptions;
  readonly #pending = new Map<number, Pending>();
  #last = 0;

  constructor(options: InquiryOptions) {
    this.#options = options;
  }

  /** `own`: what the text alone says. */
  ask(database: string, sql: string, own: Verdict): Promise<Company> {
    const { clock, crew } = this.#options;
    const waiting = new Set(crew.ready);
    const answers = new Map<number, Verdict | undefined>();
    if (waiting.size === 0) return Promise.resolve(companyOfAll(own, answers, 0));
    const ask = ++this.#last;
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        this.#pending.delete(ask);
        resolve(companyOfAll(own, answers, waiting.size));
      };
      const timer = clock.after(ANSWER_WITHIN, done);
      this.#pending.set(ask, { waiting, answers, done });
      for (const slot of waiting) crew.send(slot, { kind: 'explain', ask, database, sql });
    });
  }

  answered(slot: number, ask: number, verdict: Verdict | undefined): void {
    const pending = this.#pending.get(ask);
    if (pending?.waiting.delete(slot) !== true) return;
    pending.answers.set(slot, verdict);
    if (pending.waiting.size === 0) pending.done();
  }

  /** Its process is gone, and what it had learned. */
  ended(slot: number): void {
    for (const { waiting, done } of [...this.#pending.values()]) {
      if (waiting.delete(slot) && waiting.size === 0) done();
    }
  }

  close(): void {
    for (const { done } of [...this.#pending.values()]) done();
  }
}
