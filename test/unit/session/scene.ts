import { Counters, type NodeCounters } from '../../../src/core/counters.ts';
import type { Event } from '../../../src/core/events.ts';
import { type NodeId, nodeId } from '../../../src/core/node.ts';
import { settingsOf } from '../../../src/core/settings.ts';
import { emptyView, type NodeView, type View } from '../../../src/core/view.ts';
import type { Login, Opened, Plan, SessionKey, Wire } from '../../../src/core/wire.ts';
import { catalogueOf } from '../../../src/postgres/catalogue.ts';
import { positions } from '../../../src/postgres/position.ts';
import { wire as postgres } from '../../../src/postgres/wire.ts';
import { DataPlane } from '../../../src/session/dataplane.ts';
import type { PoolMode } from '../../../src/session/realm.ts';
import { MemoryChannel, messagesOf } from '../../support/memory-channel.ts';
import { query } from '../../support/wire-recorder.ts';
import { ManualClock } from '../failover/clock.ts';
import { Line } from './line.ts';

const NODE = nodeId('pg-1');
const REPLICA = nodeId('pg-2');
const NAMES = catalogueOf([{ kind: 'table', name: 't' }]);
let lastScene = 0;
const USER = { user: 'app', database: 'shop' };

/** One client of the proxy: what it sends, and what it was told in words. */
export class Guest {
  readonly channel = new MemoryChannel();
  key: SessionKey | undefined;

  asks(...texts: readonly string[]): void {
    this.sends(...texts.map(query));
  }

  sends(...bytes: readonly Buffer[]): void {
    this.channel.push(Buffer.concat(bytes));
  }

  /** Values of rows, `!` and the code of errors; `closed` at the end. */
  get told(): string[] {
    const words: string[] = [];
    for (const { type, body } of messagesOf(this.channel.written)) {
      if (type === 'D') words.push(body.toString('utf8', 6));
      if (type === 'E') words.push(`!${/\0C(\w+)/.exec(body.toString('latin1'))?.[1] ?? ''}`);
    }
    return this.channel.closed ? [...words, 'closed'] : words;
  }

  /** Answers that are complete. */
  get answers(): number {
    return messagesOf(this.channel.written).filter(({ type }) => type === 'Z').length;
  }
}

export interface SceneOptions {
  readonly shares?: boolean;
  readonly mode?: PoolMode;
  /** Laid over the protocol. */
  readonly wire?: Partial<Wire>;
  /** A second server, which takes the reads, however old they are. */
  readonly replica?: true;
}

/** A data plane without a socket: the test is its clients and its one server. */
export class Scene {
  readonly clock = new ManualClock();
  /** Server connections, in the order of their opening. */
  readonly lines: Line[] = [];
  readonly events: Event[] = [];
  /** Cancel requests that the server was sent, and has not closed. */
  readonly strikes: (() => void)[] = [];
  readonly #counters = new Counters([NODE, REPLICA]);
  readonly #plane: DataPlane;
  readonly #nodes: readonly NodeId[];
  #arriving: Login | SessionKey | undefined;

  constructor(size: number, more: SceneOptions = {}) {
    this.#nodes = more.replica === true ? [NODE, REPLICA] : [NODE];
    const pool = { size, waiters: 1_000, waitTimeoutMs: 60_000, maxAgeMs: 1e9 };
    this.#plane = new DataPlane({
      wire: this.#wire(more.wire),
      clock: this.clock,
      gate: { tls: undefined, tlsRequired: false, method: '', credential: () => undefined },
      startupTimeoutMs: 1e9,
      limits: () => ({ ...pool, idleTimeoutMs: 1e9, connectTimeoutMs: 5_000 }),
      target: (node, user, { database, options }) => {
        const endpoint = { host: '192.0.2.1', port: 1 };
        return { node, endpoint, user, password: undefined, database, options, tls: undefined };
      },
      holds: { requests: 1_000, bytes: 1e6, timeoutMs: 5_000 },
      rules: {
        replicas: more.replica ?? false,
        noReplica: 'primary',
        maxLagBytes: undefined,
        compare: positions.compare,
      },
      level: more.replica === true ? 'eventual' : 'session',
      // What is remembered of statements is kept apart by these: each scene begins with nothing.
      functions: { allow: new Set(), deny: new Set([`scene_${++lastScene}`]) },
      counters: this.#counters,
      emit: (event) => void this.events.push(event),
      mode: () => more.mode ?? 'transaction',
      shares: () => more.shares ?? true,
      signal: () => undefined,
      needs: () => NAMES,
      stale: () => undefined,
    });
    this.#plane.apply(viewAt(0, this.#nodes));
  }

  #wire(more: Partial<Wire> = {}): Wire {
    return {
      ...postgres,
      ...more,
      accept: () => {
        const arriving = this.#arriving;
        if (arriving === undefined) return Promise.resolve({ kind: 'done' });
        if ('channel' in arriving) return Promise.resolve({ kind: 'session', login: arriving });
        return Promise.resolve({ kind: 'cancel', key: arriving });
      },
      greet: (login, _greeting, key) => {
        const guest = this.#guests.get(login);
        if (guest !== undefined) guest.key = key;
      },
      connect: ({ node }) => {
        const channel = new Line(node);
        this.lines.push(channel);
        return Promise.resolve(openedOn(channel));
      },
      cancel: () => new Promise((resolve) => this.strikes.push(resolve)),
    };
  }

  readonly #guests = new Map<Login, Guest>();

  get figures(): NodeCounters {
    return this.#counters.of(NODE);
  }

  async enters(settings: Readonly<Record<string, string>> = {}): Promise<Guest> {
    const guest = new Guest();
    const login: Login = {
      channel: guest.channel,
      user: USER.user,
      database: USER.database,
      links: { database: USER.database, options: '' },
      settings: settingsOf(Object.entries(settings)),
      replication: false,
      secretLength: 4,
    };
    this.#guests.set(login, guest);
    this.#arriving = login;
    const admitted = this.#plane.admit(guest.channel);
    await admitted;
    return guest;
  }

  /** A cancel request of a client arrives. */
  async cancels({ key }: Guest): Promise<void> {
    this.#arriving = key;
    await this.#plane.admit(new MemoryChannel());
  }

  /** The server is seen to be there, a moment from now. */
  async seen(): Promise<void> {
    await this.pass(1);
    this.#plane.apply(viewAt(this.clock.now(), this.#nodes));
    await this.pass();
  }

  /** All that is ready has run, and time has gone on by `ms`. */
  async pass(ms = 0): Promise<void> {
    await this.clock.run(ms);
    for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** The one server connection on which a text waits for its answer. */
  where(text: string): Line {
    const found = this.lines.filter(({ closed, open }) => !closed && open.includes(text));
    if (found.length !== 1 || found[0] === undefined) {
      throw new Error(
        `${text} is on ${found.length} of ${JSON.stringify(this.lines.map((one) => one.open))}`,
      );
    }
    return found[0];
  }

  /** Runs a text alone, in `ms`: from then on its form is expected to take so long. */
  async learns(text: string, ms = 0): Promise<void> {
    const guest = await this.enters();
    guest.asks(text);
    await this.pass();
    const line = this.where(text);
    await this.pass(ms);
    line.answer();
    await this.pass();
    guest.channel.hangUp();
    await this.pass();
  }

  /** Opens so many server connections, by as many statements that run at the same time. */
  async opens(count: number): Promise<void> {
    const guests: Guest[] = [];
    for (let at = 0; at < count; at++) {
      const guest = await this.enters();
      guests.push(guest);
      guest.asks(`INSERT INTO t VALUES (${at})`);
    }
    await this.pass();
    for (const line of this.lines) line.answerAll();
    await this.pass();
    for (const guest of guests) guest.channel.hangUp();
    await this.pass();
  }

  close(): void {
    for (const strike of this.strikes.splice(0)) strike();
    this.#plane.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

const openedOn = (channel: Line): Opened => ({
  channel,
  greeting: { parameters: new Map([['TimeZone', 'UTC']]) },
  key: Buffer.alloc(8),
});

/** Asks a server something; its answer is for the proxy alone. */
export const asking = (text: string): Plan => ({
  ...postgres.server(openedOn(new Line())).ping,
  bytes: query(text),
});

/** The first node is the primary. */
function viewAt(askedAt: number, ids: readonly NodeId[]): View {
  const nodes = ids.map(
    (id): NodeView => ({
      id,
      endpoint: { host: '192.0.2.1', port: 1 },
      role: id === NODE ? 'primary' : 'replica',
      state: 'up',
      reason: '',
      weight: 1,
      links: true,
      position: undefined,
      askedAt,
      branch: '1',
      version: '18.0',
      lagBytes: undefined,
    }),
  );
  return { ...emptyView, epoch: 1, version: 1, primary: NODE, holding: '', nodes };
}
