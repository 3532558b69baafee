import type { Catalogue } from '../core/catalogue.ts';
import type { Channel } from '../core/channel.ts';
import { asProxyError, type ProxyError } from '../core/errors.ts';
import type { Accepted, Gate, Login, Unit } from '../core/wire.ts';
import { randomPiece } from '../net/random.ts';
import type { Account } from '../pool/accounts.ts';
import { goneAtStartup, noReplication } from './complaints.ts';
import type { Realm } from './realm.ts';
import type { Register } from './register.ts';
import { Session } from './session.ts';
import { greetingFor, shuttingDown } from './welcome.ts';

export interface EntranceOptions {
  readonly gate: Omit<Gate, 'version'>;
  /** A client that has not come through start-up by then is closed, in ms. */
  readonly startupTimeoutMs: number;
  /** A session of this account begins: gives what is known of its database's names, and sees that more will be. */
  readonly needs: (account: Account) => Catalogue | undefined;
}

/** Clients on their way to a session: through their start-up, or refused. */
export class Entrance {
  readonly #realm: Realm;
  readonly #register: Register;
  readonly #options: EntranceOptions;
  readonly #gate: Gate;
  /** Channels that are still in their start-up. */
  readonly #arriving = new Set<Channel>();
  /** Clients that wait for the version of the servers. */
  readonly #curious: ((version: string) => void)[] = [];
  #version = '';
  #closing = false;

  constructor(realm: Realm, register: Register, options: EntranceOptions) {
    this.#realm = realm;
    this.#register = register;
    this.#options = options;
    this.#gate = { ...options.gate, version: () => this.#versionOfServers() };
  }

  /** Takes a fresh client. Never rejects. */
  admit(channel: Channel): Promise<void> {
    const id = this.#register.newId();
    return this.#admit(channel, id, this.#realm.wire.accept(channel, this.#gate, id));
  }

  /** The client of a session that is over logs in again on its connection. */
  logInAnew(login: Login, unit: Unit, id: number): void {
    void this.#admit(login.channel, id, this.#realm.wire.reaccept(login, unit, this.#gate));
  }

  async #admit(channel: Channel, id: number, accepting: Promise<Accepted>): Promise<void> {
    if (this.#closing) channel.destroy();
    this.#arriving.add(channel);
    const address = channel.remoteAddress;
    const { startupTimeoutMs } = this.#options;
    const deadline = this.#realm.clock.after(startupTimeoutMs, () => {
      this.#refused('STARTUP_TIMEOUT', `no start-up within ${startupTimeoutMs} ms`, address);
      channel.destroy();
    });
    try {
      const accepted = await accepting;
      deadline.cancel();
      if (accepted.kind === 'session') await this.#open(accepted.login, id);
      else if (accepted.kind === 'cancel') {
        this.#register.cancelAnywhere(accepted.key);
        channel.end();
      }
    } catch (thrown) {
      const error = asProxyError(thrown, 'PROTOCOL', 'client');
      this.#refused(error.code, error.message, address);
    } finally {
      deadline.cancel();
      this.#arriving.delete(channel);
    }
  }

  /** A client over the limit: told so if it can listen, then closed. */
  refuse(channel: Channel, error: ProxyError): void {
    this.#refused(error.code, error.message, channel.remoteAddress);
    this.#realm.wire.refuse(channel, error);
  }

  #refused(code: string, reason: string, address: string): void {
    this.#realm.emit({ kind: 'client-refused', code, reason, address });
  }

  async #open(login: Login, id: number): Promise<void> {
    const realm = this.#realm;
    const { channel, user, database } = login;
    const account = realm.accounts.enter(user, login.links);
    try {
      if (login.replication) throw noReplication();
      const greeting = await greetingFor(realm, account, login.settings);
      if (this.#closing) throw shuttingDown();
      if (channel.closed) throw goneAtStartup();
      account.catalogue = this.#options.needs(account);
      const key = { id, secret: randomPiece(login.secretLength) };
      const session = new Session(realm, login, key, account, greeting, this.#ended);
      this.#register.add(session);
      realm.counters.clientsNow++;
      realm.emit({ kind: 'client-connected', user, database });
      realm.wire.greet(login, greeting, key);
      channel.attach(session);
    } catch (thrown) {
      realm.accounts.leave(account);
      const error = asProxyError(thrown, 'CONNECT_FAILED', 'server');
      this.refuse(channel, error);
    }
  }

  /** One function for all sessions: an idle one costs none. */
  readonly #ended = (session: Session): void => {
    this.#register.remove(session);
    this.#realm.counters.clientsNow--;
    this.#realm.accounts.leave(session.account);
  };

  // ------------------------------------------------------------ the version of the servers

  /** What the servers say their version is; '' while none has been seen. */
  told(version: string): void {
    this.#version = version;
    if (version !== '') for (const tell of this.#curious.splice(0)) tell(version);
  }

  #versionOfServers(): Promise<string> {
    const version = this.#version;
    return version === '' ? new Promise((resolve) => this.#curious.push(resolve)) : Promise.resolve(version);
  }

  /** Nobody comes in any more. */
  close(): void {
    this.#closing = true;
    for (const channel of this.#arriving) channel.destroy();
  }
}
