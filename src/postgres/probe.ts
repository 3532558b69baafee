import type { Catalogue } from '../core/catalogue.ts';
import type { Finding, Probe, ProbeOptions } from '../core/engine.ts';
import type { NodeId, Observation } from '../core/node.ts';
import type { Target } from '../core/wire.ts';
import { within } from '../net/deadline.ts';
import { CATALOGUE_QUERY, catalogueOf } from './catalogue.ts';
import { ControlConnection } from './control-connection.ts';
import { controlError } from './control-error.ts';
import { NodeProbe } from './node-probe.ts';
import { replicationFinding, rightsFindings } from './rights.ts';

/** A database with very many objects takes its time, in ms. */
const CATALOGUE_WITHIN = 10_000;

/** Asks PostgreSQL servers who and where they are, over one kept connection a node. */
export class PostgresProbe implements Probe {
  #options: ProbeOptions;
  #nodes = new Map<NodeId, NodeProbe>();
  #closed = new AbortController();

  constructor(options: ProbeOptions) {
    this.#options = options;
  }

  observe(target: Target): Promise<Observation> {
    let node = this.#nodes.get(target.node);
    if (node === undefined) {
      node = new NodeProbe(this.#options, this.#closed.signal);
      this.#nodes.set(target.node, node);
    }
    return node.observe(target);
  }

  /** Read from the primary, in the target's database. */
  catalogue(target: Target): Promise<Catalogue> {
    return this.#once('read the catalogue of', target, CATALOGUE_WITHIN, async (connection, signal) => {
      const rows = await connection.query(CATALOGUE_QUERY, [], signal);
      return catalogueOf(rows.map((row) => ({ kind: row['kind'] ?? '', name: row['name'] ?? '' })));
    });
  }

  /** What the account lacks to observe and, if this proxy promotes, to promote; then the settings. */
  async rights(target: Target): Promise<readonly Finding[]> {
    const { timeoutMs, promotes, replication } = this.#options;
    const findings = await this.#once('ask for the rights on', target, timeoutMs, (connection, signal) =>
      rightsFindings(connection, promotes, signal),
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

  /** Asks over a connection of its own: the database may be another one. */
  async #once<T>(
    doing: string,
    target: Target,
    timeoutMs: number,
    ask: (connection: ControlConnection, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { applicationName } = this.#options;
    try {
      return await within(timeoutMs, this.#closed.signal, async (signal) => {
        const options = { applicationName, statementTimeoutMs: timeoutMs, signal };
        const connection = await ControlConnection.open(target, options);
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
