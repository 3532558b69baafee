import type { ClusterConfig } from './config/config.ts';
import type { Clock, Timer } from './core/clock.ts';
import type { Verdict } from './core/company.ts';
import type { Engine } from './core/engine.ts';
import { ProxyError } from './core/errors.ts';
import type { Strike } from './core/intent.ts';
import type { Endpoint, NodeId } from './core/node.ts';
import type { LinkKind, SessionKey } from './core/wire.ts';
import { LocalFront, type Place, partOf, poolSize } from './front.ts';
import type { PoolLimits } from './pool/dispatcher.ts';
import { CLIENTS } from './workers/crew-front.ts';
import { type Figures, figuresOf } from './workers/figures.ts';
import type { Back } from './workers/front.ts';
import type { ClusterDown } from './workers/messages.ts';
import { Names } from './workers/names.ts';
import { type Holder, type Share, Shares } from './workers/shares.ts';
import { told, untold } from './workers/told.ts';
import { type SendUp, Upline } from './workers/upline.ts';

/** Another worker's answer is waited for so long, in ms. */
const ANSWER_WITHIN = 2_000;

export interface PostingOptions {
  readonly config: ClusterConfig;
  readonly engine: Engine;
  readonly clock: Clock;
  /** Its place in the configuration. */
  readonly cluster: number;
  readonly slot: number;
  readonly workers: number;
  /** Where the other workers listen; undefined: this one is the first. */
  readonly address: Endpoint | undefined;
  /** Clients it may have. */
  readonly clients: number;
  readonly send: SendUp;
}

type Answered = (refused: ProxyError | undefined) => void;

/** One cluster in a worker: its front, and what stands between that and the parent. */
export class Posting {
  readonly #options: PostingOptions;
  readonly #upline: Upline;
  readonly #shares: Shares;
  readonly #names: Names;
  readonly #clients: Share;
  readonly #strikes = new Map<number, { answered: Answered; late: Timer }>();
  #lastStrike = 0;
  #front: LocalFront | undefined;

  constructor(options: PostingOptions) {
    const { clock, cluster, workers, send, config, engine } = options;
    this.#options = options;
    const upline = new Upline(cluster, clock, send);
    this.#upline = upline;
    this.#shares = new Shares(clock, workers, (message) => upline.send(message));
    this.#names = new Names({
      send: (message) => upline.send(message),
      unpack: engine.unpack,
      apply: (database, catalogue) => this.#front?.learn(database, catalogue),
      doubt: (database) => this.#front?.doubt(database),
    });
    const { maxClients } = config.listen;
    this.#clients = this.#shares.share(CLIENTS, maxClients, this.#clientHolder(), options.clients);
  }

  /** Rejects with a ProxyError when it cannot listen. */
  async open(): Promise<void> {
    const { config, engine, clock } = this.#options;
    this.#front = await LocalFront.start({ config, engine, clock, back: this.#back(), place: this.#place() });
  }

  get address(): Endpoint {
    return this.#front?.address ?? this.#options.config.listen;
  }

  /** What has been counted; what happened before is told first. */
  figures(): Figures {
    this.#upline.flush();
    if (this.#front === undefined) throw new Error('the worker has not been started');
    const { counters, pools } = this.#front.countNow();
    return figuresOf(counters, pools);
  }

  heard(message: ClusterDown): void {
    switch (message.kind) {
      case 'view':
        this.#front?.apply(message.view);
        return;
      case 'catalogue':
        this.#names.learned(message);
        return;
      case 'doubt':
        this.#names.doubted(message.database);
        return;
      case 'cancel':
        this.#front?.data.cancel({ id: message.session, secret: Buffer.from(message.secret) });
        return;
      case 'strike': {
        const refused = this.#front?.data.strikeFor(message.user, message.strike);
        const { from: to, ask } = message;
        this.#upline.send({ kind: 'struck', to, ask, refused: refused && told(refused) });
        return;
      }
      case 'struck':
        this.#struck(message.ask, message.refused && untold(message.refused));
        return;
      case 'explain': {
        const { ask, database, sql } = message;
        this.#upline.send({ kind: 'explained', ask, verdict: this.#verdict(database, sql) });
        return;
      }
      case 'granted':
        this.#shares.granted(message.key, message.more);
        return;
      case 'give':
        this.#shares.give(message.key, message.most, message.fair);
        return;
      default:
        message satisfies never;
    }
  }

  async close(): Promise<void> {
    this.#shares.close();
    await this.#front?.close();
    for (const { late } of this.#strikes.values()) late.cancel();
    this.#upline.flush();
  }

  #back(): Back {
    const upline = this.#upline;
    return {
      acked: (ack) => upline.send({ kind: 'ack', ack }),
      signalled: (signal) => upline.send({ kind: 'signal', signal }),
      emit: (event) => upline.emit(event),
      need: (database) => this.#names.need(database),
      stale: (database, how) => this.#names.stale(database, how),
    };
  }

  #place(): Place {
    const { slot, workers, address } = this.#options;
    const share = this.#clients;
    return {
      others: {
        slot,
        workers,
        cancel: ({ id, secret }: SessionKey) =>
          this.#upline.send({ kind: 'cancel', session: id, secret: new Uint8Array(secret) }),
        strike: (user, strike, answered) => this.#strike(user, strike, answered),
      },
      address,
      limits: (user, links, node) => this.#limits(user, links, node),
      get maxClients() {
        return share.limit;
      },
      admitted: () => {
        if (share.holder.short > 0) this.#shares.want(share);
      },
    };
  }

  /** What runs of a statement have taught here; undefined: no session has used its database. */
  #verdict(database: string, sql: string): Verdict | undefined {
    const { config, engine } = this.#options;
    const known = this.#names.known(database) ?? this.#names.known('');
    if (known === undefined) return undefined;
    const { allow, deny } = config.routing.functions;
    return engine.explain(sql, database, known, { allow: new Set(allow), deny: new Set(deny) }).lane;
  }

  // ------------------------------------------------------------ shares

  #limits(user: string, links: LinkKind, node: NodeId): PoolLimits {
    const { config, workers } = this.#options;
    const size = poolSize(config, user);
    const key = JSON.stringify([node, user, links.database, links.options]);
    const share = this.#shares.share(key, size, this.#linkHolder(user, links, node));
    const { pool } = config;
    return {
      idleTimeoutMs: pool.idleTimeoutMs,
      connectTimeoutMs: pool.connectTimeoutMs,
      waitTimeoutMs: pool.waitTimeoutMs,
      maxAgeMs: pool.maxAgeMs,
      waiters: partOf(pool.waiters, workers),
      most: size,
      get size() {
        return share.limit;
      },
      starved: () => this.#shares.want(share),
    };
  }

  #linkHolder(user: string, links: LinkKind, node: NodeId): Holder {
    const account = () => this.#front?.data.accounts.find(user, links);
    const dispatcher = () => account()?.find(node);
    return {
      get taken() {
        return dispatcher()?.taken ?? 0;
      },
      get busy() {
        const { busy = 0, opening = 0 } = dispatcher() ?? {};
        return busy + opening;
      },
      get short() {
        return dispatcher()?.short ?? 0;
      },
      get needed() {
        return (account()?.sessions ?? 0) > 0;
      },
      get over() {
        return dispatcher() === undefined;
      },
      resized: () => dispatcher()?.resized(),
    };
  }

  /** Clients come without waiting: more room is asked for before it is needed. */
  #clientHolder(): Holder {
    const open = (): number => this.#front?.clients ?? 0;
    const limit = (): number => this.#clients.limit;
    return {
      get taken() {
        return open();
      },
      get busy() {
        return open();
      },
      get short() {
        return Math.max(0, open() + Math.max(1, Math.ceil(limit() / 10)) - limit());
      },
      needed: true,
      over: false,
      resized: () => undefined,
    };
  }

  // ------------------------------------------------------------ strikes

  #strike(user: string, strike: Strike, answered: Answered): void {
    const ask = ++this.#lastStrike;
    const late = this.#options.clock.after(ANSWER_WITHIN, () =>
      this.#struck(ask, unanswered(strike.session)),
    );
    this.#strikes.set(ask, { answered, late });
    this.#upline.send({ kind: 'strike', ask, user, strike });
  }

  #struck(ask: number, refused: ProxyError | undefined): void {
    const waiting = this.#strikes.get(ask);
    if (waiting === undefined) return;
    this.#strikes.delete(ask);
    waiting.late.cancel();
    waiting.answered(refused);
  }
}

function unanswered(session: number): ProxyError {
  return new ProxyError('NO_SUCH_SESSION', {
    side: 'proxy',
    retry: 'safe',
    tell: `the worker that has session ${session} did not answer within ${ANSWER_WITHIN} ms; try again`,
  });
}
