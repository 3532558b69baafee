import type { Catalogue } from './catalogue.ts';
import type { Channel } from './channel.ts';
import type { ProxyError } from './errors.ts';
import type { FunctionLists } from './function-lists.ts';
import type { Intent, PinReason } from './intent.ts';
import type { Endpoint, NodeId } from './node.ts';
import type { SettingChange, Settings } from './settings.ts';

/**
 * What a session and a pool are given of an engine: clients and their units on one side, server connections and their
 * replies on the other.
 */
export interface Wire {
  /**
   * Takes a fresh client channel through TLS, start-up and authentication.
   * Rejects with a ProxyError after telling the client; the channel is then closed or closing. `id`: the number
   * that the session will have.
   */
  accept(channel: Channel, gate: Gate, id: number): Promise<Accepted>;
  /** An accepted client logs in anew on its channel, by a unit of extent `relogin`. Otherwise like `accept`. */
  reaccept(login: Login, unit: Unit, gate: Gate): Promise<Accepted>;
  /** Ends the start-up of an accepted session: server parameters, its cancel key, ready. */
  greet(login: Login, greeting: Greeting, key: SessionKey): void;
  /** Refuses an accepted session before it was greeted, and closes it. */
  refuse(channel: Channel, error: ProxyError): void;
  /** The client half of a session. */
  client(login: Login): ClientSide;
  /** Opens and authenticates a server connection. Rejects with a ProxyError. */
  connect(target: Target, signal: AbortSignal): Promise<Opened>;
  /** The server half of a link. */
  server(opened: Opened): ServerSide;
  /** Asks a node to cancel what a link runs; resolves when the server has closed that request. */
  cancel(target: Target, opened: Opened, signal: AbortSignal): Promise<void>;
  /** What a server's refusal of a lone read means for where else it may run; undefined: it is the answer. */
  elsewhere(code: string): Elsewhere | undefined;
  /** A rollback puts back the settings that its transaction has changed. */
  readonly settingsRollBack: boolean;
  /** `ServerSide.audit` tells what a session has left; else pins go by what is said, and hold after errors too. */
  readonly audits: boolean;
  /** Settings that change nothing that a unit with a `cost` answers: sessions that differ in them may share links. */
  readonly cosmetic: ReadonlySet<string>;
  /** An error inside a transaction fails all of it: nothing but its end is taken. */
  readonly errorFailsTransaction: boolean;
}

/**
 * `primary`: this node cannot serve it (read-only, or it does not know the name yet): the primary's answer is
 * the answer. `replica`: this node gave it up because of replication; another may do it.
 */
export type Elsewhere = 'primary' | 'replica';

/** Who may come in, and how. */
export interface Gate {
  /** Opaque to all but net and the engine; undefined: TLS is not offered. */
  readonly tls: unknown;
  readonly tlsRequired: boolean;
  /** The engine's name for how clients prove who they are, e.g. `scram-sha-256`. */
  readonly method: string;
  /** The secret of a user; undefined: no such user, which must look like a wrong password. */
  credential(user: string, database: string): string | undefined;
  /** What the servers say their version is; resolves when one of them has been seen. */
  version(): Promise<string>;
}

export type Accepted =
  | { readonly kind: 'session'; readonly login: Login }
  /** A request to cancel what another session runs. */
  | { readonly kind: 'cancel'; readonly key: SessionKey }
  /** Nothing more to do; the channel is closed or closing. */
  | { readonly kind: 'done' };

export interface Login {
  readonly channel: Channel;
  readonly user: string;
  /** What the client asked for. */
  readonly database: string;
  readonly links: LinkKind;
  /** Settings asked for at start-up. */
  readonly settings: Settings;
  /** A replication connection: passed to the primary unpooled, or refused. */
  readonly replication: boolean;
  /** Length of the session's secret in bytes, as the negotiated protocol has it. */
  readonly secretLength: number;
}

/** What a server connection is opened with because nothing can change it later: equal sessions share links. */
export interface LinkKind {
  /** '' where a session can go from one database to another. */
  readonly database: string;
  /** The engine's own; '' for none. */
  readonly options: string;
}

/** How the proxy names a session to its client, for cancel requests. */
export interface SessionKey {
  readonly id: number;
  readonly secret: Buffer;
}

/** What a server says of itself at start-up, to be said again to clients. */
export interface Greeting {
  readonly parameters: ReadonlyMap<string, string>;
}

/** A server to connect to, and as whom. */
export interface Target {
  readonly node: NodeId;
  readonly endpoint: Endpoint;
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  /** As of LinkKind. */
  readonly options: string;
  /** Opaque to all but net and the engine; undefined: plain. */
  readonly tls: unknown;
}

/** A server connection that is authenticated and idle. */
export interface Opened {
  readonly channel: Channel;
  readonly greeting: Greeting;
  /** The server's own cancel key; opaque. */
  readonly key: Buffer;
}

/**
 * - `whole`: answered by exactly one reply.
 * - `open`: begins a unit of which more will come (no end yet, or larger than the limit): needs a lease at once.
 * - `part`: more of an open unit; gets no reply of its own.
 * - `data`: for the copy that is running; gets no reply of its own. Without one it means nothing.
 * - `last`: ends an open unit.
 * - `relogin`: the client wants to be somebody else on the same connection; nothing of the session remains.
 * - `quit`: the client says goodbye.
 */
export type Extent = 'whole' | 'open' | 'part' | 'last' | 'data' | 'relogin' | 'quit';

/** Client bytes and what becomes of them. Engines extend it with what they need to know. */
export interface Unit extends Plan {
  readonly extent: Extent;
}

/** Bytes for a link, and what to do with the reply they get. */
export interface Plan {
  readonly bytes: Buffer;
  readonly expect: Expectation;
  /** The unit itself is not in it yet: once this has been answered without an error, it is planned again. */
  readonly before?: true;
}

export interface Expectation {
  /**
   * `forward`: the reply is its session's. `swallow`: the answer to something the proxy injected. An engine may
   * extend it to say more of single messages: swallow those that it put in front, *supply* those that the server
   * will not send because the proxy did not send their request.
   */
  readonly mode: 'forward' | 'swallow';
  /** Rows of a swallowed reply are decoded as text and kept for `Outcome.rows`. */
  readonly capture: boolean;
}

export const FORWARD: Expectation = { mode: 'forward', capture: false };
export const SWALLOW: Expectation = { mode: 'swallow', capture: false };
export const CAPTURE: Expectation = { mode: 'swallow', capture: true };

/** What `classify` may know of a session. */
export interface SessionFacts {
  readonly settings: Settings;
  /** The defaults of the session's settings, as the server reported them. */
  readonly greeting: Greeting;
  /** Function names that the configuration declares free of effects, and others it does not trust. */
  readonly functions: FunctionLists;
  /** Names known to have no effect; undefined: nothing is known. */
  readonly catalogue: Catalogue | undefined;
  readonly inTransaction: boolean;
}

/** One client's protocol state. Synchronous; writes to its own channel only. */
export interface ClientSide {
  /** Takes bytes; afterwards `next` is called until it gives undefined. Throws ProxyError('PROTOCOL'). */
  push(chunk: Buffer): void;
  next(): Unit | undefined;
  /** Bytes kept while their unit is incomplete. */
  readonly buffered: number;
  /** What was pushed and has not become a unit ends with a goodbye. */
  readonly saysGoodbye: boolean;
  /** Takes out what was pushed and has not become a unit: somebody else reads on from here. */
  unread(): Buffer;
  classify(unit: Unit, facts: SessionFacts): Intent;
  /**
   * What to send for a unit on a given link, and the replies to expect. Undefined: it must wait until the link has
   * answered what it owes. Called once each time the unit is sent; what it gave before may still be on its way out.
   * `busy`: the link owes this session something.
   */
  plan(unit: Unit, server: ServerSide, busy: boolean): Plan | undefined;
  /**
   * Others' units may be right in front of it and right behind it on its link: nothing goes ahead of it there that
   * lasts, nothing has to be asked behind it. Only for a read with a `cost`.
   */
  mayShare(unit: Unit): boolean;
  /** The BEGIN that a unit held back, to be sent later with its answer swallowed. */
  opening(unit: Unit): Plan;
  /**
   * Like `plan` for a link that owes nothing, with the BEGIN that `held` held back in front, so that the server passes
   * over the unit if the BEGIN fails; the unit's answer is then that error. Undefined: one must await the other.
   */
  openedBy(held: Unit, unit: Unit, server: ServerSide): Plan | undefined;
  /** The server has asked for the data of a copy that `unit` began; called again with false at its end. */
  copying(unit: Unit, active: boolean): void;
  /**
   * Answers a unit in the proxy's own name: a BEGIN held back, its COMMIT or ROLLBACK, or what `Intent.here` says.
   * `failed`: it ends a transaction that has failed.
   */
  supply(unit: Unit, status: TransactionStatus, failed: boolean): void;
  /**
   * Hears how a unit that was sent has ended. Gives what must be asked on the same link before anything else runs
   * there, `learned` then hears the answer.
   */
  completed(unit: Unit, outcome: Outcome): Plan | undefined;
  learned(outcome: Outcome): void;
  /** Reports an error as the answer to one unit; the session goes on in `status`. */
  fail(error: ProxyError, status: TransactionStatus): void;
  /** Reports an error and closes the channel. */
  die(error: ProxyError): void;
}

export type TransactionStatus = 'idle' | 'transaction' | 'failed';

/** How a reply ended. Valid only during the call that passes it. */
export interface Outcome {
  readonly status: TransactionStatus;
  /** The server's code of the first error in the reply; '' if there was none. */
  readonly error: string;
  readonly message: string;
  /** The last thing done was a rollback of the transaction. Where settings do not roll back it may stay false. */
  readonly rolledBack: boolean;
  /** The server reported a setting that changed during the reply, and not all that is to be known of it. */
  readonly settingChanged: boolean;
  /** Settings that the server reported as they are now, with all that is to be known of them. */
  readonly changes: readonly SettingChange[];
  /** State that the reply says is left on the link. */
  readonly pin: PinReason | undefined;
  /** Rows of a captured reply. */
  readonly rows: readonly (readonly (string | null)[])[];
}

/** What a link hears from its server half. Calls come in the order of the bytes. */
export interface ReplySink {
  /** The expectation of the reply that comes next; undefined: none is owed. */
  readonly head: Expectation | undefined;
  /** Bytes of the head's reply for its session. */
  deliver(bytes: Buffer): void;
  /** The head's reply begins with an error, nothing of it delivered. True: swallow it, the unit runs elsewhere. */
  refused(code: string): boolean;
  /** The server goes on only when it has been sent this. */
  mend(bytes: Buffer): void;
  /** The server waits for copy data of the head's session. */
  copyIn(): void;
  /** The head's reply is complete; the next one becomes the head. */
  done(outcome: Outcome): void;
  /** Something nobody asked for. `bytes` go to the session that holds the link, if one does. */
  aside(aside: Aside): void;
}

export type Aside =
  | { readonly kind: 'message'; readonly bytes: Buffer }
  | { readonly kind: 'role-changed' }
  /** The server ends the connection. `orderly`: an administrator or a time limit did; nothing died. */
  | {
      readonly kind: 'terminating';
      readonly code: string;
      readonly message: string;
      readonly orderly: boolean;
    };

/** One link's protocol state. Synchronous. */
export interface ServerSide {
  /** The server's parameters as last reported on this link, with the values a whole cluster has in common. */
  readonly greeting: Greeting;
  /** Reads server bytes. Throws ProxyError('PROTOCOL') on what it cannot follow; the link is then destroyed. */
  feed(chunk: Buffer, sink: ReplySink): void;
  /**
   * Makes the link's settings equal; the reply must be awaited if `critical`. `told`: the session that holds the
   * link hears of the parameters that change by it. Undefined: this link cannot become so, another one is needed.
   */
  adjust(changes: readonly SettingChange[], told?: boolean): Adjustment | undefined;
  /** Gives everything back that a session may have left. */
  readonly reset: Plan;
  /** Puts all settings back, those too that no audit can see. */
  readonly plain: Plan;
  /** What is left of a link's settings after `reset` or `plain`. */
  remaining(settings: Settings): Settings;
  /** Does nothing, takes one round trip. */
  readonly ping: Plan;
  /** Ends a transaction without a trace. */
  readonly rollback: Plan;
  /**
   * Asks which state the session has left on the link; `audited` reads the captured rows. `touched`: names of
   * settings that the session may have set there; `startup`: those that it began with.
   */
  audit(touched: Iterable<string>, startup: Settings): Plan;
  audited(outcome: Outcome): AuditResult;
  /** Says goodbye. */
  readonly quit: Buffer;
}

export interface Adjustment extends Plan {
  readonly critical: boolean;
}

export interface AuditResult {
  /** Settings that differ from the connection's defaults. */
  readonly settings: Settings;
  /** State that keeps the session on this link. */
  readonly pin: PinReason | undefined;
}
