import type { Control, ControlOptions, Fenced } from '../core/engine.ts';
import type { Target } from '../core/wire.ts';
import { within } from '../net/deadline.ts';
import { isMariaDb } from './collations.ts';
import { ControlConnection } from './control-connection.ts';
import { controlError, refused } from './control-error.ts';
import type { ControlSession } from './control-session.ts';
import { fence, unfence } from './fencing.ts';
import { follow } from './following.ts';
import { promote } from './promotion.ts';

/** No SET GLOBAL waits for another's lock longer than this, in ms; it is asked for again. */
const LOCK_WITHIN = 1_000;

/** Changes what MySQL and MariaDB servers are: each call opens, uses and closes a connection of its own. */
export class MysqlControl implements Control {
  readonly #options: ControlOptions;

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  fence(target: Target): Promise<void> {
    return this.#bounded('fence', target, (signal) =>
      this.#on(target, signal, (session) =>
        fence(session, this.#options.applicationName, (call) => this.#on(target, signal, call)),
      ),
    );
  }

  unfence(target: Target): Promise<void> {
    return this.#bounded('lift the fence of', target, (signal) => this.#on(target, signal, unfence));
  }

  promote(target: Target, proof: Fenced): Promise<{ readonly branch: string }> {
    if (proof.node === target.node) {
      return Promise.reject(refused(`cannot promote ${target.node}: the proof of a fence is its own`));
    }
    return this.#bounded('promote', target, (signal) => this.#on(target, signal, promote));
  }

  follow(target: Target, primary: Target): Promise<void> {
    if (primary.node === target.node) {
      return Promise.reject(refused(`${target.node} cannot follow itself`));
    }
    return this.#bounded(`let ${primary.node} be followed by`, target, (signal) =>
      follow({
        replica: (call) => this.#on(target, signal, call),
        primary: (call) => this.#on(primary, signal, call),
        source: primary,
        login: this.#options.replication,
      }),
    );
  }

  async #bounded<T>(doing: string, target: Target, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await within(this.#options.timeoutMs, undefined, call);
    } catch (error) {
      throw controlError(doing, target.node, error, this.#options.replication.password);
    }
  }

  async #on<T>(
    target: Target,
    signal: AbortSignal,
    call: (session: ControlSession) => Promise<T>,
  ): Promise<T> {
    const { applicationName } = this.#options;
    const options = { applicationName, lockTimeoutMs: LOCK_WITHIN, signal };
    const connection = await ControlConnection.open({ ...target, database: '' }, options);
    try {
      const query = (text: string) => connection.query(text, signal);
      const [row] = await query('SELECT @@version AS version');
      const version = row?.['version'] ?? '';
      return await call({ target, version, isMaria: isMariaDb(version), id: connection.id, query, signal });
    } finally {
      await connection.close();
    }
  }
}
