import type { Clock, Timer } from '../core/clock.ts';
import type { Event } from '../core/events.ts';
import type { ClusterUp, Up } from './messages.ts';

/** Events are kept for so long to go together, in ms, and at most so many. */
const TOGETHER = 25;
const MOST_TOGETHER = 256;
/** Messages with events that the parent has not taken; past it events are dropped and counted. */
const MOST_UNDER_WAY = 32;

/** Sends to the parent; `done` when it has been handed over. */
export type SendUp = (message: Up, done?: () => void) => void;

/** What one cluster of a worker has to tell the parent. Owns the timer of events that wait to go together. */
export class Upline {
  readonly #cluster: number;
  readonly #clock: Clock;
  readonly #send: SendUp;
  #events: Event[] = [];
  #timer: Timer | undefined;
  #underWay = 0;
  #dropped = 0;

  constructor(cluster: number, clock: Clock, send: SendUp) {
    this.#cluster = cluster;
    this.#clock = clock;
    this.#send = send;
  }

  /** At once; after the events that happened before. */
  send(message: ClusterUp): void {
    this.flush();
    this.#send({ kind: 'cluster', cluster: this.#cluster, message });
  }

  emit(event: Event): void {
    if (this.#underWay >= MOST_UNDER_WAY) {
      this.#dropped++;
      return;
    }
    this.#events.push(event);
    if (this.#events.length >= MOST_TOGETHER) this.flush();
    else this.#timer ??= this.#clock.after(TOGETHER, () => this.flush());
  }

  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#events.length === 0) return;
    const events = this.#events;
    this.#events = [];
    if (this.#dropped > 0) {
      const reason = `${this.#dropped} events of a worker were not told: the parent did not take them in time`;
      events.push({ kind: 'alarm', rule: 'worker-events', reason });
      this.#dropped = 0;
    }
    this.#underWay++;
    this.#send({ kind: 'cluster', cluster: this.#cluster, message: { kind: 'events', events } }, () => {
      this.#underWay--;
    });
  }
}
