import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cluster } from './cluster.ts';
import type { Config } from './config/config.ts';
import type { Clock } from './core/clock.ts';
import type { Log } from './log/log.ts';
import type { WorkersSource } from './metrics/workers.ts';
import { probePort } from './net/listener.ts';
import { Crew, type CrewNews } from './workers/crew.ts';
import { CrewFront } from './workers/crew-front.ts';
import { forkWorker } from './workers/fork.ts';
import type { Front } from './workers/front.ts';
import type { Report } from './workers/messages.ts';

/** The program of a worker, source or built. */
const PROGRAM = fileURLToPath(new URL(`./worker${extname(import.meta.url)}`, import.meta.url));

/** Processes that serve clients; 1: this one alone. */
export function workersOf({ workers }: Pick<Config, 'workers'>): number {
  return workers === 'auto' ? availableParallelism() : workers;
}

export interface StaffOptions {
  readonly config: Config;
  readonly workers: number;
  readonly clock: Clock;
  readonly logger: Log['logger'];
}

interface Usage {
  /** Of the processes that had this place before, in seconds. */
  past: number;
  cpu: number;
  lag: number;
  resident: number;
}

/** The worker processes of this program, and what each cluster sees of them. */
export class Staff {
  readonly #options: StaffOptions;
  readonly #crew: Crew;
  readonly #fronts: CrewFront[] = [];
  readonly #usage: Usage[];

  constructor(options: StaffOptions) {
    const { config, workers, clock } = options;
    this.#options = options;
    this.#usage = Array.from({ length: workers }, () => ({ past: 0, cpu: 0, lag: 0, resident: 0 }));
    this.#crew = new Crew(
      {
        clock,
        workers,
        spawn: (_slot, ears) => forkWorker(PROGRAM, ears),
        tell: (news) => this.#tell(news),
      },
      {
        start: (slot, addresses) => ({
          kind: 'start',
          config,
          slot,
          workers,
          addresses,
          clients: this.#fronts.map((front) => front.reserve(slot)),
        }),
        joined: (slot) => {
          for (const front of this.#fronts) front.joined(slot);
        },
        said: (slot, { cluster, message }) => this.#fronts[cluster]?.said(slot, message),
        reported: (slot, report) => this.#reported(slot, report),
        ended: (slot) => this.#ended(slot),
      },
    );
  }

  /** Starts all workers for these clusters. Rejects with a ProxyError, and leaves none then. */
  async start(clusters: readonly Cluster[]): Promise<void> {
    const { config, workers, clock } = this.#options;
    for (const { listen } of config.clusters) {
      if (listen.port !== 0) await probePort(listen.host, listen.port);
    }
    for (const [index, { facts }] of clusters.entries()) {
      const crew = this.#crew;
      this.#fronts.push(
        new CrewFront({
          clock,
          workers,
          nodes: facts.config.nodes.map(({ id }) => id),
          maxClients: facts.config.listen.maxClients,
          back: facts.back,
          pack: facts.engine.pack,
          address: () => crew.addresses[index] ?? facts.config.listen,
          crew: {
            get ready() {
              return crew.ready;
            },
            send: (slot, message) => crew.send(slot, { kind: 'cluster', cluster: index, message }),
            kill: (slot, because) => crew.kill(slot, because),
            ask: () => crew.ask(),
          },
        }),
      );
    }
    await this.#crew.start();
  }

  /** The data plane of a cluster, which is in the workers. */
  frontOf({ facts }: Cluster): Front | undefined {
    return this.#fronts[this.#options.config.clusters.indexOf(facts.config)];
  }

  /** Process ids of the workers that serve clients. */
  get pids(): number[] {
    return this.#crew.ready.flatMap((slot) => this.#crew.pid(slot) ?? []);
  }

  usage(): WorkersSource {
    const { ready, replaced, silences } = this.#crew;
    const usage = this.#usage.map(({ past, cpu, ...now }, slot) => ({ slot, cpu: past + cpu, ...now }));
    const granted = this.#fronts.reduce((sum, front) => sum + front.granted, 0);
    return { ready: ready.length, replaced, silences, granted, usage };
  }

  /** Ends all workers; resolves when no process is left. */
  close(): Promise<void> {
    return this.#crew.close();
  }

  #reported(slot: number, { clusters, cpu, lag, resident }: Report): void {
    for (const [index, figures] of clusters.entries()) this.#fronts[index]?.reported(slot, figures);
    const usage = this.#usage[slot];
    if (usage === undefined) return;
    usage.cpu = cpu;
    usage.lag = lag;
    usage.resident = resident;
  }

  #ended(slot: number): void {
    for (const front of this.#fronts) front.ended(slot);
    const usage = this.#usage[slot];
    if (usage === undefined) return;
    usage.past += usage.cpu;
    usage.cpu = 0;
    usage.lag = 0;
    usage.resident = 0;
  }

  #tell(news: CrewNews): void {
    const { logger } = this.#options;
    const { slot: worker, pid } = news;
    switch (news.kind) {
      case 'started':
        logger.info({ event: 'worker.started', worker, worker_pid: pid }, 'a worker serves clients');
        return;
      case 'killed':
        logger.error({ event: 'worker.killed', worker, worker_pid: pid }, news.because);
        return;
      case 'ended':
        logger.error(
          { event: 'worker.ended', worker, worker_pid: pid, how: news.how },
          'a worker has ended: its clients were disconnected, another one takes its place',
        );
        return;
      default:
        news satisfies never;
    }
  }
}
