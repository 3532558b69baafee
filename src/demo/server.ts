import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fchownSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Account } from './account.ts';
import { killServers, serverProcesses, signalAll } from './processes.ts';
import { asAccount, type Launch, serverEnvironment } from './run.ts';
import { until } from './until.ts';

/** What a server runs: the part of it that differs from engine to engine. */
export interface Software {
  readonly launch: Launch;
  /** How its first process is told to stop. */
  readonly stopSignals: Readonly<Record<StopMode, NodeJS.Signals>>;
  /** Whether it accepts connections now; `pid` is the process that was started. */
  isReady(pid: number): boolean | Promise<boolean>;
  /** Takes away what a killed server has left that is in its own way. Only when all its processes have ended. */
  clear(): Promise<void>;
}

export interface ServerOptions {
  readonly id: string;
  readonly logFile: string;
  /** Unique on this machine and on the command line of the server's processes: they are found by it. */
  readonly mark: string;
  readonly account: Account | undefined;
  readonly software: Software;
  /** The server has ended, wanted or not. */
  readonly ended: () => void;
}

/** In order, clients thrown out; or at once, as a crash that the next start recovers from. */
export type StopMode = 'fast' | 'immediate';

const READY_WITHIN = 60_000;
const STOP_WITHIN = 15_000;
const KILL_WITHIN = 10_000;

/**
 * One server on a data folder that exists: owns its first process and answers for all its children, also those
 * that outlive it. Calls must not overlap; only `kill`, `pause` and `resume` may come at any time.
 */
export class Server {
  readonly options: ServerOptions;
  #process: ChildProcess | undefined;

  constructor(options: ServerOptions) {
    this.options = options;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get isRunning(): boolean {
    return this.#process !== undefined;
  }

  /** Resolves when it accepts connections. Rejects with the end of its log if it does not come up. */
  async start(): Promise<void> {
    if (this.isRunning) return;
    await this.options.software.clear();
    this.#spawn();
    const ready = await until(() => !this.isRunning || this.#saysReady(), READY_WITHIN);
    if (ready && this.isRunning) return;
    await this.end();
    throw new Error(`the server ${this.options.id} did not come up: ${await this.#lastWords()}`);
  }

  /** Stops it in order; what has not ended within 15 s is killed. */
  async stop(mode: StopMode): Promise<void> {
    this.resume();
    this.kill(this.options.software.stopSignals[mode]);
    await until(() => !this.isRunning, STOP_WITHIN);
    await this.end();
  }

  /** Sends a signal to the first process alone. False: it is not running. */
  kill(signal: NodeJS.Signals): boolean {
    return this.#process?.kill(signal) ?? false;
  }

  /** Resolves when the process `pid` has ended, or after 10 s. */
  async gone(pid: number | undefined): Promise<void> {
    await until(() => this.pid !== pid || pid === undefined, KILL_WITHIN);
  }

  /** Stops every process where it stands, the first one first, so that none is forked meanwhile. */
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
    await this.options.software.clear();
  }

  #spawn(): void {
    const { account, software } = this.options;
    const { file, args, runsAs } = software.launch;
    const log = openSync(this.options.logFile, 'a', 0o600);
    try {
      if (account !== undefined) fchownSync(log, account.uid, account.gid);
      // A session of its own: Ctrl-C in the terminal is for the cluster's owner, who stops it in order.
      const child = spawn(file, args, {
        ...asAccount(runsAs),
        cwd: '/',
        env: serverEnvironment(),
        stdio: ['ignore', log, log],
        detached: true,
      });
      this.#process = child;
      child.once('error', () => this.#hasEnded(child));
      child.once('exit', () => this.#hasEnded(child));
      child.unref();
    } finally {
      closeSync(log);
    }
  }

  #hasEnded(child: ChildProcess): void {
    if (this.#process !== child) return;
    this.#process = undefined;
    this.options.ended();
  }

  #saysReady(): boolean | Promise<boolean> {
    return this.pid !== undefined && this.options.software.isReady(this.pid);
  }

  async #lastWords(): Promise<string> {
    const log = await readFile(this.options.logFile, 'utf8').catch(() => '');
    const words = log.trim().split('\n').slice(-5).join('\n');
    return words === '' ? `it said nothing in ${this.options.logFile}` : words;
  }
}
