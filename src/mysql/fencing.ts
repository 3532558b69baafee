import { until } from '../net/waiting.ts';
import { acknowledge, waitForReplicas } from './acknowledgement.ts';
import { channelsIn, channelsQuery } from './channels.ts';
import type { Row } from './control-connection.ts';
import { refused } from './control-error.ts';
import type { ControlSession } from './control-session.ts';
import { refusalOf } from './failure.ts';
import { holdersIn, slotColumns, slotNames } from './presence.ts';
import { refusesWrites, refuseWrites, takeWrites } from './read-only.ts';

/** What does not end with a KILL, and must not: replication in both directions, and the server's own threads. */
const SERVER_USERS: ReadonlySet<string> = new Set(['system user', 'event_scheduler', 'unauthenticated user']);
const isServers = (row: Row): boolean =>
  SERVER_USERS.has(row['User'] ?? '') || /^(?:Binlog Dump|Daemon|Slave_)/.test(row['Command'] ?? '');

/**
 * Makes a node refuse writes and ends the sessions of clients, those too that may write on a read-only server: on
 * MariaDB nothing else stops them. To turn read-only waits for other sessions' locks and commits, so clients are
 * ended first, and again until it succeeds; the session's lock_wait_timeout is short. Source: MySQL manual,
 * `read_only`; MariaDB manual, `read_only`. `aside`: another connection to the same node.
 */
export async function fence(session: ControlSession, applicationName: string, aside: Aside): Promise<void> {
  const clients = new Clients(session, applicationName);
  let refusal = '';
  await until(
    session.signal,
    () => (refusal === '' ? 'it still takes writes' : refusal),
    async () => {
      await clients.end();
      try {
        if (refusal === '') await refuseWrites(session);
        else await refuseWritesReleasing(session, aside);
        return true;
      } catch (error) {
        // 1205: somebody holds a lock, or a commit is under way.
        const { code, message } = refusalOf(error) ?? { code: '', message: '' };
        if (code !== '1205') throw error;
        refusal =
          clients.denied === '' ? message : `${message}; a session could not be ended: ${clients.denied}`;
        return false;
      }
    },
  );
  await clients.end();
  await until(
    session.signal,
    () => `it refuses writes, but ${clients.left} sessions did not end`,
    async () => (await clients.look()) === 0,
  );
  clients.complain();
}

type Aside = (call: (session: ControlSession) => Promise<void>) => Promise<void>;

/**
 * On MySQL a commit that waits for a replica's word outlasts its KILL, and read-only waits for it *(tried: 9.7)*.
 * Its client is gone, so nothing is acknowledged when it waits no more; and behind the waiting read-only no other
 * commit begins. That this node waited is kept as the replica's side being on.
 */
async function refuseWritesReleasing(session: ControlSession, aside: Aside): Promise<void> {
  const refusing = refuseWrites(session);
  const releasing = aside(async (other) => {
    await other.query('SELECT SLEEP(0.1)');
    await acknowledge(other, { waits: false });
  });
  await Promise.all([refusing, releasing.catch(() => undefined)]);
}

/**
 * Lifts it from a node that is set up to receive from nobody. A replica stays read-only: its promotion lifts that.
 */
export async function unfence(session: ControlSession): Promise<void> {
  const channels = channelsIn(await session.query(channelsQuery(session.isMaria)));
  if (channels.length > 0 || !(await refusesWrites(session))) return;
  await waitForReplicas(session);
  await takeWrites(session);
}

/** The sessions of clients that were told to end; whoever comes after that has a new number. */
class Clients {
  left = 0;
  readonly #session: ControlSession;
  readonly #slots: readonly string[];
  readonly #told = new Set<string>();
  /** Why some could not be told to; '' if all could. */
  denied = '';

  constructor(session: ControlSession, applicationName: string) {
    this.#session = session;
    this.#slots = slotNames(applicationName);
  }

  async end(): Promise<void> {
    for (const id of await this.#present()) {
      if (!this.#told.has(id) && (await this.#kill(id))) this.#told.add(id);
    }
  }

  /** How many of those that were told are still there. */
  async look(): Promise<number> {
    const present = await this.#present();
    this.left = present.filter((id) => this.#told.has(id)).length;
    return this.left;
  }

  /** Throws if a session could not be ended: on MariaDB it may still write. */
  complain(): void {
    if (this.denied === '') return;
    const { node } = this.#session.target;
    throw refused(
      `${node} refuses writes, but a session could not be ended (${this.denied}): grant CONNECTION ADMIN`,
    );
  }

  async #present(): Promise<string[]> {
    const [holders = {}] = await this.#session.query(`SELECT ${slotColumns(this.#slots)}`);
    const spared = new Set([this.#session.id, ...holdersIn(holders)]);
    const rows = await this.#session.query('SHOW PROCESSLIST');
    return rows.flatMap((row) => (isServers(row) || spared.has(row['Id'] ?? '') ? [] : [row['Id'] ?? '']));
  }

  async #kill(id: string): Promise<boolean> {
    try {
      await this.#session.query(`KILL CONNECTION ${id}`);
      return true;
    } catch (error) {
      const { code, message } = refusalOf(error) ?? { code: '', message: '' };
      // 1094: it has ended by itself. 1095, 1227: another account's, and this one may not.
      if (code !== '1094' && code !== '1095' && code !== '1227') throw error;
      if (code !== '1094') this.denied = message;
      return false;
    }
  }
}
