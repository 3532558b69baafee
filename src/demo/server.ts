import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fchownSync, openSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Account } from './account.ts';
import type { Binaries } from './binaries.ts';
import { killServers, serverProcesses, signalAll } from './processes.ts';
import { clearRemains } from './remains.ts';
import { asAccount, serverEnvironment } from './run.ts';
import { until } from './until.ts';

export interface ServerOptions {
  readonly id: string;
  readonly port: number;
  readonly dataFolder: string;
  readonly logFile: string;
  /** The server's `cluster_name`, unique on this machine: its processes are found by it. */
  readonly mark: string;
  readonly binaries: Binaries;
  readonly account: Account | undefined;
  /** The postmaster has ended, wanted or not. */
  readonly ended: () => void;
}

export type StopMode = 'fast' | 'immediate';

const READY_WITHIN = 30_000;
const STOP_WITHIN = 15_000;
const KILL_WITHIN = 10_000;
const STOP_SIGNAL = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const;

/**
 * One PostgreSQL server on a data folder that exists: owns the postmaster and answers for all its children,
 * also those that outlive it. Calls must not overlap; only `kill`, `pause` and `resume` may come at any time.
 */
export class Server {
  readonly options: ServerOptions;
  #postmaster: ChildProcess | undefined;

  constructor(options: ServerOptions) {
    this.options = options;
  }

  get pid(): number | undefined {
    return this.#postmaster?.pid;
  }

  get isRunning(): boolean {
    return this.#postmaster !== undefined;
  }

  /** Resolves when it accepts connections. Rejects with the end of its log if it does not come up. */
  async start(): Promise<void> {
    if (this.isRunning) return;
    await clearRemains(this.options.dataFolder, this.options.account);
    this.#spawn();
    const ready = await until(() => !this.isRunning || this.#saysReady(), READY_WITHIN);
    if (ready && this.isRunning) return;
    await this.end();
    throw new Error(`the server ${this.options.id} did not come up: ${await this.#lastWords()}`);
  }

  /** Stops it in order; what has not ended within 15 s is killed. */
  async stop(mode: StopMode): Promise<void> {
    this.resume();
    this.kill(STOP_SIGNAL[mode]);
    await until(() => !this.isRunning, STOP_WITHIN);
    await this.end();
  }

  /** Sends a signal to the postmaster alone. False: it is not running. */
  kill(signal: NodeJS.Signals): boolean {
    return this.#postmaster?.kill(signal) ?? false;
  }

  /** Resolves when the postmaster `pid` has ended, or after 10 s. */
  async gone(pid: number | undefined): Promise<void> {
    await until(() => this.pid !== pid || pid === undefined, KILL_WITHIN);
  }

  /** Stops every process where it stands, the postmaster first, so that none is forked meanwhile. */
  pause(): void {
    this.kill('SIGSTOP');
    signalAll(serverProcesses(this.options.mark), 'SIGSTOP');
  }

  resume(): void {
    signalAll(serverProcesses(this.options.mark), 'SIGCONT');
  }

  /** Ends every process of it, at once. Rejects if one does not go. */
  async end(): Promise<void> {
    if (!(await killServers(this.options.mark, KILL_WITHIN)))
      throw new Error(
        `processes of the server ${this.options.id} do not end: ${serverProcesses(this.options.mark)}`,
      );
    await until(() => !this.isRunning, KILL_WITHIN);
    await clearRemains(this.options.dataFolder, this.options.account);
  }

  #spawn(): void {
    const { binaries, account, dataFolder, port, mark } = this.options;
    const log = openSync(this.options.logFile, 'a', 0o600);
    try {
      if (account !== undefined) fchownSync(log, account.uid, account.gid);
      const args = ['-D', dataFolder, '-p', String(port), '-c', `cluster_name=${mark}`];
      // A session of its own: Ctrl-C in the terminal is for the cluster's owner, who stops it in order.
      const child = spawn(binaries.postgres, args, {
        ...asAccount(account),
        cwd: '/',
        env: serverEnvironment(),
        stdio: ['ignore', log, log],
        detached: true,
      });
      this.#postmaster = child;
      child.once('error', () => this.#hasEnded(child));
      child.once('exit', () => this.#hasEnded(child));
      child.unref();
    } finally {
      closeSync(log);
    }
  }

  #hasEnded(child: ChildProcess): void {
    if (this.#postmaster !== child) return;
    this.#postmaster = undefined;
    this.options.ended();
  }

  /** PostgreSQL writes its state to line 8 of postmaster.pid, as pg_ctl reads it. */
  #saysReady(): boolean {
    try {
      const lines = readFileSync(join(this.options.dataFolder, 'postmaster.pid'), 'utf8').split('\n');
      return Number(lines[0]) === this.pid && lines[7]?.trim() === 'ready';
    } catch {
      return false;
    }
  }

  async #lastWords(): Promise<string> {
    const log = await readFile(this.options.logFile, 'utf8').catch(() => '');
    const words = log.trim().split('\n').slice(-5).join('\n');
    return words === '' ? `it said nothing in ${this.options.logFile}` : words;
  }
}
