import { Buffer } from 'node:buffer';
import type { ChannelHandler } from '../../../src/core/channel.ts';
import type { Aside, Expectation, Opened, Plan, ReplySink, Target } from '../../../src/core/wire.ts';
import { connect } from '../../../src/mysql/connect.ts';
import { ReplyState } from '../../../src/mysql/reply-state.ts';
import { MysqlServer } from '../../../src/mysql/server.ts';
import type { End } from './linked.ts';

/** How a plan was answered: what its session would have got, and how it ended. */
export interface Answered {
  readonly bytes: Buffer;
  readonly end: End;
}

interface Owed {
  readonly expect: Expectation;
  readonly delivered: Buffer[];
  readonly answered: (answered: Answered) => void;
  readonly failed: (thrown: unknown) => void;
}

/** A server half on a real link on which plans follow one another without waiting for answers. */
export class Queued implements ChannelHandler, ReplySink {
  readonly server: MysqlServer;
  readonly opened: Opened;
  readonly asides: Aside[] = [];
  readonly #queue: Owed[] = [];

  constructor(opened: Opened) {
    this.opened = opened;
    this.server = new MysqlServer(opened);
    opened.channel.attach(this);
  }

  static async open(target: Target): Promise<Queued> {
    return new Queued(await connect(target, AbortSignal.timeout(10_000)));
  }

  get head(): Expectation | undefined {
    return this.#queue[0]?.expect;
  }

  /** Sends all of them in one write. */
  run(plans: readonly Plan[]): Promise<Answered[]> {
    const all = plans.map(
      ({ expect }) =>
        new Promise<Answered>((answered, failed) => {
          this.#queue.push({ expect, delivered: [], answered, failed });
        }),
    );
    this.opened.channel.write(Buffer.concat(plans.map(({ bytes }) => bytes)));
    return Promise.all(all);
  }

  close(): void {
    this.opened.channel.destroy();
  }

  bytes(chunk: Buffer): void {
    try {
      this.server.feed(chunk, this);
    } catch (thrown) {
      for (const { failed } of this.#queue) failed(thrown);
    }
  }
  drained(): void {}
  closed(): void {
    for (const { failed } of this.#queue.splice(0)) failed(new Error('the link was closed'));
  }
  deliver(bytes: Buffer): void {
    this.#queue[0]?.delivered.push(bytes);
  }
  refused(): boolean {
    return false;
  }

  mend(): void {}

  copyIn(): void {}
  done(outcome: unknown): void {
    if (!(outcome instanceof ReplyState)) throw new TypeError('not the end of a reply');
    const { changes, rows } = outcome;
    const owed = this.#queue.shift();
    const end = { ...outcome, changes: [...changes], rows: [...rows] };
    owed?.answered({ bytes: Buffer.concat(owed.delivered), end });
  }
  aside(aside: Aside): void {
    this.asides.push(aside);
  }
}
