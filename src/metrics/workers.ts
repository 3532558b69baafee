import { Counter, Gauge, type Registry } from 'prom-client';

/** The worker processes, read at each scrape. */
export interface WorkersSource {
  /** Workers that serve clients now. */
  readonly ready: number;
  readonly replaced: number;
  /** Questions that a worker did not answer in time. */
  readonly silences: number;
  /** Server connections, and places for clients, that went to workers which asked for more. */
  readonly granted: number;
  readonly usage: readonly WorkerUsage[];
}

export interface WorkerUsage {
  readonly slot: number;
  /** Processor time of all processes it ever was, in seconds. */
  readonly cpu: number;
  /** How late its event loop was lately (99 %), in seconds. */
  readonly lag: number;
  /** Resident memory, in bytes. */
  readonly resident: number;
}

/** The metrics of the worker processes themselves. */
export function workerMetrics(registry: Registry, source: () => WorkersSource): void {
  new Gauge({
    name: 'pointsman_workers',
    help: 'Worker processes that serve clients now',
    registers: [registry],
    collect() {
      this.set(source().ready);
    },
  });
  const counter = (name: string, help: string, value: (source: WorkersSource) => number): void => {
    new Counter({
      name: `pointsman_${name}`,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(value(source()));
      },
    });
  };
  counter(
    'workers_replaced_total',
    'Worker processes that were started in the place of others',
    ({ replaced }) => replaced,
  );
  counter(
    'workers_silent_total',
    'Questions for figures that a worker did not answer in time',
    ({ silences }) => silences,
  );
  counter(
    'workers_granted_total',
    'Server connections and places for clients that went to a worker which needed more than it had',
    ({ granted }) => granted,
  );
  new Counter({
    name: 'pointsman_worker_cpu_seconds_total',
    help: 'Processor time of a worker',
    labelNames: ['worker'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { slot, cpu } of source().usage) this.inc({ worker: slot }, cpu);
    },
  });
  const gauge = (name: string, help: string, value: (usage: WorkerUsage) => number): void => {
    new Gauge({
      name: `pointsman_worker_${name}`,
      help,
      labelNames: ['worker'],
      registers: [registry],
      collect() {
        this.reset();
        for (const usage of source().usage) this.set({ worker: usage.slot }, value(usage));
      },
    });
  };
  gauge(
    'eventloop_lag_p99_seconds',
    'How late the event loop of a worker was lately (99 %)',
    ({ lag }) => lag,
  );
  gauge('resident_bytes', 'Resident memory of a worker', ({ resident }) => resident);
}
