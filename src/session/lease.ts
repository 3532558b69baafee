import { difference } from '../core/settings.ts';
import type { ClientSide, Outcome, Plan, Unit } from '../core/wire.ts';
import { discarded } from '../pool/discarded.ts';
import { Injected } from '../pool/injected.ts';
import { type LinkHome, leavesNoState } from '../pool/lane.ts';
import type { Entry, Link, LinkHolder, Loss } from '../pool/link.ts';
import { abandoned, strangersState } from './complaints.ts';
import type { Kit, Spokesman } from './kit.ts';
import type { Realm } from './realm.ts';
import type { SessionState } from './state.ts';

/** How long a cancel request to a server may take, in ms. */
const CANCEL_WITHIN = 5_000;

/** What a lease tells its session. */
export interface Lessee {
  /** The link is equal to the session: what waits may be sent. */
  leaseReady(lease: Lease): void;
  /** What the oldest unit needs first has been answered. */
  leaseAhead(lease: Lease, outcome: Outcome): void;
  /** The server refused to become like the session. The lease is over, unless the session is pinned to it. */
  leaseRefused(lease: Lease, outcome: Outcome): void;
  /** The answer to `repeat`, which nobody has seen. */
  leaseRepeated(lease: Lease, outcome: Outcome): void;
  /** The answer to `ask` was kept. */
  leaseTold(lease: Lease): void;
  /** What was left on the link is known; the lease may be over. */
  leaseSettled(): void;
  leaseLost(lease: Lease, loss: Loss): void;
  /** The link takes bytes again, or nobody waits for that any more. */
  leaseDrained(): void;
  /** What went ahead of a unit has been answered: one that had to wait for that may go. */
  leaseIdle(): void;
}

/**
 * A session's exclusive hold on a link, from the moment it is granted until the link goes back: makes the link equal
 * to the session first, and finds out afterwards what was left on it.
 */
export class Lease implements LinkHolder {
  readonly link: Link;
  /** The node was primary when the lease began. */
  readonly onPrimary: boolean;
  /** The session has changed something here. */
  wroteHere = false;
  readonly #realm: Realm;
  readonly #home: LinkHome;
  readonly #state: SessionState;
  readonly #client: ClientSide;
  readonly #session: Spokesman;
  readonly #lessee: Lessee;
  /** Settings that were changed here. */
  #touched: Set<string> | undefined;
  /** The client reads too slowly: the link is paused. */
  #stalled = false;
  #over = false;

  constructor(kit: Kit, lessee: Lessee, home: LinkHome, link: Link, onPrimary: boolean) {
    this.#realm = kit.realm;
    this.#state = kit.state;
    this.#client = kit.client;
    this.#session = kit.session;
    this.#lessee = lessee;
    this.#home = home;
    this.link = link;
    this.onPrimary = onPrimary;
    link.holder = this;
  }

  /** Links of the pool that it came from which are in use. */
  get busy(): number {
    return this.#home.busy;
  }

  // ------------------------------------------------------------ before a unit

  /** Makes the link equal to the session. `later`: `leaseReady` or `leaseRefused` will say; `never`: it cannot be. */
  prepare(): 'ready' | 'later' | 'never' {
    const { link } = this;
    const state = this.#state;
    if (link.settings === state.settings) return 'ready';
    const plan = link.server.adjust(difference(link.settings, state.settings), state.misled);
    if (plan === undefined) return 'never';
    state.misled = false;
    if (!plan.critical) {
      link.settings = state.settings;
      this.#inject(plan, () => this.#lessee.leaseIdle());
      return 'ready';
    }
    this.#inject(plan, (outcome) => {
      if (outcome.error !== '') {
        this.#lessee.leaseRefused(this, outcome);
        return;
      }
      link.settings = state.settings;
      this.#lessee.leaseReady(this);
    });
    return 'later';
  }

  /** Sends what a unit needs first; `leaseAhead` follows. */
  sendFirst(plan: Plan): void {
    this.#inject(plan, (outcome) => this.#lessee.leaseAhead(this, outcome));
  }

  /** Runs a unit again of which the client has the answer. */
  repeat(plan: Plan): void {
    this.#inject(plan, (outcome) => this.#lessee.leaseRepeated(this, outcome));
  }

  /** Asks what must be known before anything else runs here; `leaseTold` follows. */
  ask(question: Plan): void {
    this.#inject(question, (outcome) => {
      this.#state.learned(this.link, outcome);
      this.#client.learned(outcome);
      this.#lessee.leaseTold(this);
    });
  }

  /** The BEGIN that was held back goes out by itself; `leaseReady` or `leaseRefused` will say. */
  sendBegin(held: Unit): void {
    this.#inject(this.#client.opening(held), (outcome) => {
      const { transaction } = this.#state;
      if (outcome.error !== '' || outcome.status !== 'transaction' || transaction === undefined) {
        this.#lessee.leaseRefused(this, outcome);
        return;
      }
      transaction.held = undefined;
      this.#lessee.leaseReady(this);
    });
  }

  /** Sends something of the proxy's own; its answer counts only while the lease lasts. */
  #inject(plan: Parameters<Link['send']>[0], then: (outcome: Outcome) => void): void {
    const answered = new Injected((outcome) => {
      if (this.#over) return;
      try {
        then(outcome);
      } catch (thrown) {
        this.#session.fail(thrown);
      }
    });
    this.link.send(plan, answered, undefined);
  }

  // ------------------------------------------------------------ after a unit

  touch(names: Iterable<string>): void {
    for (const name of names) {
      this.#touched ??= new Set();
      this.#touched.add(name);
    }
  }

  /** Asks the server what the session has left here; `leaseSettled` follows. */
  audit(): void {
    const ask = (): void => {
      if (this.#over) return;
      const { server, settings } = this.link;
      const names = [...(this.#touched ?? []), ...settings.values.keys()];
      this.#inject(server.audit(names, this.#state.login.settings), (outcome) => {
        if (outcome.error !== '') this.#state.notAudited();
        else this.#state.audited(this.link, server.audited(outcome));
        if (this.#state.pin === undefined) this.#releasePlain();
        this.#lessee.leaseSettled();
      });
    };
    if (this.link.cancels.isQuiet) ask();
    else this.link.cancels.whenQuiet(ask);
  }

  /** Users' code may have run on the link: it goes back without any settings, for no audit sees them all. */
  #releasePlain(): void {
    this.#part();
    this.#cleaned(this.link.server.plain);
  }

  /** Ends a transaction without a trace, then the lease. */
  rollback(): void {
    const { settings, transaction } = this.#state;
    const before = transaction?.settingsBefore ?? settings;
    this.#part();
    const rolledBack = new Injected((outcome) => {
      if (outcome.error !== '' || outcome.status !== 'idle') this.link.dirty = true;
      this.link.settings = before;
      this.#home.give(this.link);
    });
    this.link.send(this.link.server.rollback, rolledBack, undefined);
  }

  release(): void {
    this.#part();
    this.#home.give(this.link);
  }

  /** Asks the server to cancel what runs. */
  cancel(): void {
    this.link.cancels.ask(this.#realm.wire, AbortSignal.timeout(CANCEL_WITHIN));
  }

  /** The client is gone: what runs is cancelled, what is open is rolled back, what was left is cleaned. */
  abandon(copying: boolean): void {
    const { link } = this;
    const running = link.running?.request;
    const open = this.#state.inTransaction;
    this.#part();
    // What the proxy itself has asked behind the last answer (an audit) may end by itself.
    if (running === undefined && !open) {
      this.#cleaned(link.server.reset);
      return;
    }
    // What waits for more of its client, or commits, ends with the connection alone.
    const ends = running?.unit.extent === 'whole' && running.intent.kind !== 'end' && !copying;
    if (ends) link.cancels.abandon(this.#realm.wire, this.#realm.clock, abandoned());
    else link.fail(abandoned());
  }

  /** Gives the link back when `plan` has made it as good as new. */
  #cleaned(plan: Parameters<Link['send']>[0]): void {
    const { link } = this;
    const clean = new Injected((outcome) => {
      if (outcome.error !== '' || outcome.status !== 'idle') link.dirty = true;
      link.settings = link.server.remaining(link.settings);
      this.#home.give(link);
    });
    link.send(plan, clean, undefined);
  }

  #part(): void {
    this.#over = true;
    this.link.holder = undefined;
    this.unstall();
    // A link says that it has drained some time after the last bytes have left it: the answer may be here first.
    this.#lessee.leaseDrained();
  }

  // ------------------------------------------------------------ the link

  /** The client does not take what the server sends. */
  stall(): void {
    this.#stalled = true;
    this.link.pause();
  }

  unstall(): void {
    if (!this.#stalled) return;
    this.#stalled = false;
    this.link.resume();
  }

  linkLost(_link: Link, loss: Loss): void {
    this.#over = true;
    this.#lessee.leaseLost(this, loss);
  }

  linkAside(_link: Link, bytes: Buffer): void {
    this.#state.login.channel.write(bytes);
  }

  linkDrained(): void {
    this.#lessee.leaseDrained();
  }

  /** Others' units may be behind the one that turned the shared link into a lease: they must not leave anything. */
  linkAnswered(link: Link, { request, owner }: Entry, outcome: Outcome): void {
    if (owner !== discarded || request === undefined || leavesNoState(outcome)) return;
    link.fail(strangersState(link.target.node));
  }

  linkRead(): void {}

  linkIdle(): void {
    this.#lessee.leaseIdle();
  }
}
