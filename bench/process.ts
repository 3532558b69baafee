import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** How long a program may take to be ready, and to end when it is asked to, in ms. */
const READY_WITHIN = 20_000;
const END_WITHIN = 5_000;
/** The kernel's unit of processor time in /proc (proc(5)): 100 a second on every Linux that Node runs on. */
const TICK_MS = 10;
const PAGE = 4_096;

/** A program that was started here and is ended here. */
export class Started {
  readonly name: string;
  readonly #child: ChildProcess;
  #output = '';

  constructor(name: string, command: readonly string[], account?: { uid: number; gid: number }) {
    const [program = '', ...args] = command;
    this.name = name;
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

  /** Processor time used so far, user and system, all threads, in ms. */
  get processorMs(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'latin1');
    // The name in parentheses may hold anything; utime and stime are the 14th and 15th field.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
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

  /** Asks it to end, makes it end, and waits until it has. */
  async stop(): Promise<void> {
    if (!this.#isRunning) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const bound = setTimeout(() => this.#child.kill('SIGKILL'), END_WITHIN);
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
