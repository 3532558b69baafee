import type { Catalogue } from '../core/catalogue.ts';
import type { Clock } from '../core/clock.ts';
import type { Counters } from '../core/counters.ts';
import { ProxyError } from '../core/errors.ts';
import type { NodeId } from '../core/node.ts';
import type { View } from '../core/view.ts';
import type { Greeting, LinkKind, Target, Wire } from '../core/wire.ts';
import { Dispatcher, type PoolLimits } from './dispatcher.ts';
import { Rescues } from './rescues.ts';
import type { LinkEvents } from './stock.ts';

/** Greetings kept per account, one for each set of start-up settings. */
const GREETINGS = 64;

/** One user on one kind of link: what all its sessions share. */
export class Account {
  readonly user: string;
  readonly links: LinkKind;
  /** Sessions that are open. */
  sessions = 0;
  /** What the names of the database mean; undefined until the control plane has read it. */
  catalogue: Catalogue | undefined;
  /** The schema is changing: the catalogue proves no read for the moment. */
  doubted = false;
  readonly #dispatchers = new Map<NodeId, Dispatcher>();
  readonly #greetings = new Map<string, Greeting>();
  readonly #asking = new Map<string, Promise<Greeting>>();

  constructor(user: string, links: LinkKind) {
    this.user = user;
    this.links = links;
  }

  get database(): string {
    return this.links.database;
  }

  get dispatchers(): Iterable<Dispatcher> {
    return this.#dispatchers.values();
  }

  find(node: NodeId): Dispatcher | undefined {
    return this.#dispatchers.get(node);
  }

  add(dispatcher: Dispatcher): void {
    this.#dispatchers.set(dispatcher.node, dispatcher);
  }

  drop(node: NodeId, error: ProxyError): void {
    const dispatcher = this.#dispatchers.get(node);
    this.#dispatchers.delete(node);
    dispatcher?.close(error);
  }

  /** The greeting that a session with these settings was given, by their fingerprint. */
  greeting(fingerprint: string): Greeting | undefined {
    return this.#greetings.get(fingerprint);
  }

  /** Asks for a greeting once, however many sessions come at the same time. */
  once(fingerprint: string, ask: () => Promise<Greeting>): Promise<Greeting> {
    const asked = this.#asking.get(fingerprint);
    if (asked !== undefined) return asked;
    const asking = ask()
      .then((greeting) => {
        this.#remember(fingerprint, greeting);
        return greeting;
      })
      .finally(() => this.#asking.delete(fingerprint));
    this.#asking.set(fingerprint, asking);
    return asking;
  }

  #remember(fingerprint: string, greeting: Greeting): void {
    if (this.#greetings.size >= GREETINGS) {
      for (const oldest of this.#greetings.keys()) {
        this.#greetings.delete(oldest);
        break;
      }
    }
    this.#greetings.set(fingerprint, greeting);
  }

  forgetGreetings(): void {
    this.#greetings.clear();
  }
}

export interface AccountsOptions {
  readonly wire: Wire;
  readonly clock: Clock;
  readonly limits: (user: string, links: LinkKind, node: NodeId) => PoolLimits;
  readonly events: LinkEvents;
  readonly counters: Counters;
  /** How to reach a node as a user. */
  readonly target: (node: NodeId, user: string, links: LinkKind) => Target;
}

/** All accounts and, through them, all server connections of one cluster. */
export class Accounts {
  readonly #options: AccountsOptions;
  readonly #rescues: Rescues;
  readonly #byName = new Map<string, Account>();

  constructor(options: AccountsOptions) {
    this.#options = options;
    this.#rescues = new Rescues(options.clock);
  }

  get all(): Iterable<Account> {
    return this.#byName.values();
  }

  /** The account of a user and kind of link, if it has any session or server connection. */
  find(user: string, links: LinkKind): Account | undefined {
    return this.#byName.get(nameOf(user, links));
  }

  /** The accounts of all users on a database. */
  *of(database: string): Iterable<Account> {
    for (const account of this.#byName.values()) if (account.database === database) yield account;
  }

  /** The account of a user and kind of link, for one more session. */
  enter(user: string, links: LinkKind): Account {
    let account = this.#byName.get(nameOf(user, links));
    if (account === undefined) {
      account = new Account(user, links);
      this.#byName.set(nameOf(user, links), account);
    }
    account.sessions++;
    return account;
  }

  /** One session less. An account that never had a server connection leaves nothing behind. */
  leave(account: Account): void {
    account.sessions--;
    if (account.sessions > 0) return;
    for (const dispatcher of account.dispatchers) if (dispatcher.links > 0) return;
    this.#byName.delete(nameOf(account.user, account.links));
    for (const { node } of [...account.dispatchers]) account.drop(node, closedError(node, 'nobody uses it'));
  }

  /** Where the links of an account to a node are lent out. */
  dispatcher(account: Account, node: NodeId): Dispatcher {
    const known = account.find(node);
    if (known !== undefined) return known;
    const { wire, clock, limits, events, target, counters } = this.#options;
    const dispatcher = new Dispatcher(
      wire,
      target(node, account.user, account.links),
      limits(account.user, account.links, node),
      clock,
      events,
      { rescues: this.#rescues, counters: counters.of(node) },
    );
    account.add(dispatcher);
    return dispatcher;
  }

  /** Links in use on a node, over all accounts. */
  busy(node: NodeId): number {
    return this.#sum(node, ({ busy }) => busy);
  }

  /** Links to a node that are being opened, over all accounts. */
  opening(node: NodeId): number {
    return this.#sum(node, ({ opening }) => opening);
  }

  /** Units that wait for a link to a node, over all accounts. */
  waiting(node: NodeId): number {
    return this.#sum(node, ({ waiting }) => waiting);
  }

  /** Links to a node that sessions share, over all accounts. */
  lanes(node: NodeId): number {
    return this.#sum(node, ({ lanes }) => lanes.count);
  }

  /** Units that are owed on them. */
  laneOwed(node: NodeId): number {
    return this.#sum(node, ({ lanes }) => lanes.owed);
  }

  #sum(node: NodeId, figure: (dispatcher: Dispatcher) => number): number {
    let sum = 0;
    for (const account of this.#byName.values()) {
      const dispatcher = account.find(node);
      if (dispatcher !== undefined) sum += figure(dispatcher);
    }
    return sum;
  }

  /** Closes all links to a node. In-flight requests are reported to their clients before this returns. */
  closeNode(node: NodeId, why: string): void {
    for (const account of this.#byName.values()) account.drop(node, closedError(node, why));
  }

  /** Forgets what servers said at start-up: the next view may be of others. */
  applied(view: View, previous: View): void {
    if (view.primary === previous.primary) return;
    for (const account of this.#byName.values()) account.forgetGreetings();
  }

  close(): void {
    for (const account of this.#byName.values()) {
      for (const { node } of [...account.dispatchers]) account.drop(node, closedError(node, 'shutting down'));
    }
    this.#byName.clear();
  }
}

const nameOf = (user: string, { database, options }: LinkKind): string => `${user}\0${database}\0${options}`;

function closedError(node: NodeId, why: string): ProxyError {
  return new ProxyError('LINK_LOST', {
    side: 'proxy',
    retry: 'unknown',
    tell: `the connections to ${node} were closed: ${why}`,
  });
}
