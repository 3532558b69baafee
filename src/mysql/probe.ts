import type { Catalogue } from '../core/catalogue.ts';
import type { Finding, Probe, ProbeOptions } from '../core/engine.ts';
import type { NodeId, Observation } from '../core/node.ts';
import type { Target } from '../core/wire.ts';
import { within } from '../net/deadline.ts';
import { ROUTINES_QUERY, readCatalogue, TABLES_QUERY, TRIGGERS_QUERY } from './catalogue-query.ts';
import { ControlConnection, type Row } from './control-connection.ts';
import { controlError } from './control-error.ts';
import { NodeProbe } from './node-probe.ts';
import { replicationFinding, rightsFindings } from './rights.ts';

/** A server with very many objects takes its time, in ms. */
const CATALOGUE_WITHIN = 10_000;

/** Asks MySQL and MariaDB servers who and where they are, over one kept connection a node. */
export class MysqlProbe implements Probe {
  readonly #options: ProbeOptions;
  readonly #nodes = new Map<NodeId, NodeProbe>();
  readonly #closed = new AbortController();

  constructor(options: ProbeOptions) {
    this.#options = options;
  }

  observe(target: Target): Promise<Observation> {
    let node = this.#nodes.get(target.node);
    if (node === undefined) {
      node = new NodeProbe(this.#options, this.#closed.signal);
      this.#nodes.set(target.node, node);
    }
    // A schema that is not there yet must not keep a node from being observed.
    return node.observe({ ...target, database: '' });
  }

  /** Read from the primary; of the whole server, whatever the target's database. */
  catalogue(target: Target): Promise<Catalogue> {
    return this.#once('read the catalogue of', target, CATALOGUE_WITHIN, async (connection, signal) => {
      const ask = async (text: string) => (await connection.query(text, signal)).map(valuesOf);
      return readCatalogue(await ask(TABLES_QUERY), await ask(ROUTINES_QUERY), await ask(TRIGGERS_QUERY));
    });
  }

  /** What the account lacks to observe and, if this proxy promotes, to promote; then the settings. */
  async rights(target: Target): Promise<readonly Finding[]> {
    const { timeoutMs, promotes, replication } = this.#options;
    const findings = await this.#once('ask for the rights on', target, timeoutMs, (connection, signal) =>
      rightsFindings((text) => connection.query(text, signal), promotes),
    );
    return replication === undefined
      ? findings
      : [...findings, await replicationFinding(target, replication, timeoutMs)];
  }

  async close(): Promise<void> {
    this.#closed.abort(new Error('the probe is closed'));
    await Promise.all([...this.#nodes.values()].map((node) => node.close()));
    this.#nodes.clear();
  }

  async #once<T>(
    doing: string,
    target: Target,
    timeoutMs: number,
    ask: (connection: ControlConnection, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { applicationName } = this.#options;
    try {
      return await within(timeoutMs, this.#closed.signal, async (signal) => {
        const options = { applicationName, lockTimeoutMs: timeoutMs, signal };
        const connection = await ControlConnection.open({ ...target, database: '' }, options);
        try {
          return await ask(connection, signal);
        } finally {
          await connection.close();
        }
      });
    } catch (error) {
      throw controlError(doing, target.node, error);
    }
  }
}

/** In the order of the columns. */
const valuesOf = (row: Row): (string | null)[] => Object.values(row);
