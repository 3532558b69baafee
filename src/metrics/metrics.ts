import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Emit } from '../core/events.ts';
import { eventMetrics } from './events.ts';
import { type MetricSource, scrapedMetrics } from './scraped.ts';
import { type WorkersSource, workerMetrics } from './workers.ts';

export type { MetricSource } from './scraped.ts';

export interface MetricsOptions {
  /** Read once a scrape, so clusters may come later than the registry. */
  readonly sources: () => readonly MetricSource[] | Promise<readonly MetricSource[]>;
  /** The processes that serve clients; left out: there is this one alone. */
  readonly workers?: () => WorkersSource;
  readonly version: string;
}

export interface Metrics {
  /** Where a cluster's events are counted. */
  emitFor(cluster: string): Emit;
  readonly registry: Registry;
  readonly contentType: string;
  /** Prometheus text format. */
  render(): Promise<string>;
}

/** All metrics of this process, in a registry of their own. docs/operating.md lists them. */
export function createMetrics({ sources, version, workers }: MetricsOptions): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'pointsman_build_info',
    help: '1, with the versions of Pointsman and Node.js',
    labelNames: ['version', 'node_version'],
    registers: [registry],
  }).set({ version, node_version: process.version }, 1);
  const count = eventMetrics(registry);
  let scraped: readonly MetricSource[] = [];
  if (workers !== undefined) workerMetrics(registry, workers);
  scrapedMetrics(registry, () => scraped);
  return {
    emitFor: (cluster) => (event) => count(cluster, event),
    registry,
    contentType: registry.contentType,
    render: async () => {
      scraped = await sources();
      return registry.metrics();
    },
  };
}
