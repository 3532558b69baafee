import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { processorMs, proportionalBytes, withDescendants } from './kernel.ts';

/** How long a program may take to be ready, and to end when it is asked to, in ms. */
const READY_WITHIN = 20_000;
const END_WITHIN = 5_000;
const PAGE = 4_096;

/** A program that was started here and is ended here. */
export class Started {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #endWith: NodeJS.Signals;
  #output = '';

  /** `endWith`: the signal that asks it to end at once. */
  constructor(
    name: string,
    command: readonly string[],
    account?: { uid: number; gid: number },
    endWith: NodeJS.Signals = 'SIGTERM',
  ) {
    const [program = '', ...args] = command;
    this.name = name;
    this.#endWith = endWith;
    this.#child = spawn(program, args, {
      ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
      cwd: process.cwd(),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child.on('error', (error) => {
      this.#output += String(error);
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString()).slice(-4_096);
      });
  }

  /** Processor time used so far, user and system, all threads and all processes that it started, in ms. */
  get processorMs(): number {
    let sum = 0;
    for (const pid of this.pids) sum += processorMs(pid);
    return sum;
  }

  /** Itself first, then all that it started and that still runs. */
  get pids(): number[] {
    return this.#child.pid === undefined ? [] : withDescendants(this.#child.pid);
  }

  /** Memory that is only here, and its part of what is shared, of all its processes, in bytes. */
  get memoryBytes(): number {
    let sum = 0;
    for (const pid of this.pids) sum += proportionalBytes(pid);
    return sum;
  }

  /** Resident memory in bytes. */
  get residentBytes(): number {
    return Number(readFileSync(`/proc/${this.#child.pid}/statm`, 'latin1').split(' ')[1]) * PAGE;
  }

  /** Sends it a signal. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resolves when `isReady` does with true; rejects with the program's last words if it ends or takes too long. */
  async ready(isReady: () => Promise<boolean>): Promise<void> {
    const until = performance.now() + READY_WITHIN;
    while (this.#isRunning && performance.now() < until) {
      if (await isReady()) return;
      await pause(50);
    }
    throw new Error(`${this.name} did not become ready: ${this.#output.trim()}`);
  }

  /** Sends it a message. */
  tell(message: string | number): void {
    this.#child.send(message);
  }

  /** The next message that the program sends; rejects if it ends first. */
  async heard(within: number): Promise<unknown> {
    const ending = new AbortController();
    const bound = AbortSignal.any([ending.signal, AbortSignal.timeout(within)]);
    const ended = (): void => ending.abort(new Error(`${this.name} ended: ${this.#output.trim()}`));
    this.#child.once('exit', ended);
    try {
      const [message] = await once(this.#child, 'message', { signal: bound });
      return message;
    } catch {
      throw new Error(`${this.name} said nothing within ${within} ms: ${this.#output.trim()}`);
    } finally {
      this.#child.off('exit', ended);
    }
  }

  /** Asks it to end, makes it and all that it started end, and waits until it has. */
  async stop(): Promise<void> {
    if (!this.#isRunning) return;
    const exited = once(this.#child, 'exit');
    const [, ...others] = this.pids;
    this.#child.kill(this.#endWith);
    const bound = setTimeout(() => {
      this.#child.kill('SIGKILL');
      killAll(others);
    }, END_WITHIN);
    await exited;
    clearTimeout(bound);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  get #isRunning(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
}

/** The command, to be run with room for so many open files. Only root may raise the hard limit. */
export function withFiles(files: number, command: readonly string[]): string[] {
  const enough = `[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge ${files} ]`;
  return ['/bin/sh', '-c', `${enough} || ulimit -n ${files}; exec "$0" "$@"`, ...command];
}

/** Whether something takes connections at a port of this machine. */
export function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
