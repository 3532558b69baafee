import type { ClusterEvent } from './cluster.ts';
import { Server, type ServerOptions, type StopMode } from './server.ts';

/**
 * One node of a cluster: its server, what is wanted of it, and its supervision. What changes the server is
 * done one after another; a server that ends while it is wanted is started again, if it is supervised.
 */
export class Member {
  readonly id: string;
  readonly port: number;
  readonly dataFolder: string;
  readonly #server: Server;
  readonly #restartAfterMs: number | undefined;
  readonly #told: (event: ClusterEvent) => void;
  #turn: Promise<unknown> = Promise.resolve();
  #wanted = false;
  #closing = false;
  #restart: NodeJS.Timeout | undefined;

  constructor(
    server: Omit<ServerOptions, 'ended'> & { readonly port: number; readonly dataFolder: string },
    restartAfterMs: number | undefined,
    told: (event: ClusterEvent) => void,
  ) {
    this.id = server.id;
    this.port = server.port;
    this.dataFolder = server.dataFolder;
    this.#server = new Server({ ...server, ended: () => this.#hasEnded() });
    this.#restartAfterMs = restartAfterMs;
    this.#told = told;
  }

  get pid(): number | undefined {
    return this.#server.pid;
  }

  get isRunning(): boolean {
    return this.#server.isRunning;
  }

  /** Runs `work` when everything asked of this node before is done. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(() => {
      if (this.#closing) throw new Error(`the cluster of ${this.id} is closing`);
      return work();
    });
    this.#turn = done.catch(() => undefined);
    return done;
  }

  start(): Promise<void> {
    return this.exclusively(() => this.startNow());
  }

  /** For work that already has its turn. */
  async startNow(): Promise<void> {
    this.#cancelRestart();
    if (!this.#server.isRunning) await this.#server.end();
    await this.#server.start();
    this.#wanted = true;
  }

  stop(mode: StopMode): Promise<void> {
    return this.exclusively(async () => {
      this.#unwant();
      await this.#server.stop(mode);
    });
  }

  /** For work that already has its turn: ends every process of the node at once. */
  async endNow(): Promise<void> {
    this.#unwant();
    await this.#server.end();
  }

  /** If it is supervised: starts it again on the data it has, after the usual wait. */
  restartLater(): void {
    if (this.#restartAfterMs === undefined || this.#closing) return;
    this.#restart = setTimeout(() => {
      this.#restart = undefined;
      void this.#restartNow();
    }, this.#restartAfterMs);
    this.#restart.unref();
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const { pid } = this.#server;
    this.#server.kill(signal);
    if (signal === 'SIGKILL') await this.#server.gone(pid);
  }

  pause(): void {
    this.#server.pause();
  }

  resume(): void {
    this.#server.resume();
  }

  /** After what it is doing now, stops it for good. */
  async close(mode: StopMode): Promise<void> {
    this.#closing = true;
    this.#unwant();
    await this.#turn;
    await this.#server.stop(mode);
  }

  #unwant(): void {
    this.#wanted = false;
    this.#cancelRestart();
  }

  #cancelRestart(): void {
    clearTimeout(this.#restart);
    this.#restart = undefined;
  }

  #hasEnded(): void {
    if (!this.#wanted) return;
    this.#wanted = false;
    this.#told({ kind: 'died', node: this.id });
    this.restartLater();
  }

  async #restartNow(): Promise<void> {
    try {
      await this.start();
      this.#told({ kind: 'restarted', node: this.id });
    } catch (error) {
      if (this.#closing) return;
      this.#told({ kind: 'restart-failed', node: this.id, reason: String(error) });
      this.restartLater();
    }
  }
}
