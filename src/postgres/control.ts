import type { Control, ControlOptions, Fenced } from '../core/engine.ts';
import { ProxyError } from '../core/errors.ts';
import type { Target } from '../core/wire.ts';
import { within } from '../net/deadline.ts';
import { ControlConnection, type Row } from './control-connection.ts';
import { controlError } from './control-error.ts';
import type { ControlSession } from './control-session.ts';
import { fence, unfence } from './fencing.ts';
import { follow } from './following.ts';
import { promote } from './promotion.ts';

/** Changes what PostgreSQL servers are: each call opens, uses and closes a connection of its own. */
export class PostgresControl implements Control {
  #options: ControlOptions;

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  fence(target: Target): Promise<void> {
    return this.#bounded('fence', target, (signal) =>
      this.#on(target, signal, (session) => fence(session, this.#options.applicationName)),
    );
  }

  unfence(target: Target): Promise<void> {
    return this.#bounded('lift the fence of', target, (signal) => this.#on(target, signal, unfence));
  }

  promote(target: Target, proof: Fenced): Promise<{ readonly branch: string }> {
    if (proof.node === target.node) {
      const tell = `cannot promote ${target.node}: the proof of a fence is its own`;
      return Promise.reject(new ProxyError('NODE_REFUSED', { side: 'proxy', retry: 'no', tell }));
    }
    return this.#bounded('promote', target, (signal) => this.#on(target, signal, promote));
  }

  follow(target: Target, primary: Target): Promise<void> {
    const { replication } = this.#options;
    return this.#bounded(`let ${primary.node} be followed by`, target, (signal) =>
      follow({
        replica: (call) => this.#on(target, signal, call),
        primary: (call) => this.#on(primary, signal, call),
        upstream: { ...replication, endpoint: primary.endpoint, applicationName: target.node },
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
    const { applicationName, timeoutMs } = this.#options;
    const options = { applicationName, statementTimeoutMs: timeoutMs, signal };
    const connection = await ControlConnection.open(target, options);
    try {
      const query = (text: string, values: readonly string[] = []): Promise<Row[]> =>
        connection.query(text, values, signal);
      return await call({ target, query, signal });
    } finally {
      await connection.close();
    }
  }
}
