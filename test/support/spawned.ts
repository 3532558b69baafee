import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { ConfigInput } from '../../src/config/config.ts';
import { becomes } from './becomes.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const HEAP = fileURLToPath(new URL('heap-on-signal.ts', import.meta.url));
const READY_WITHIN = 15_000;
const HEAP_WITHIN = 15_000;

/** `pointsman run` in a process of its own. */
export class SpawnedProxy implements AsyncDisposable {
  readonly pid: number;
  /** Where clients connect. */
  readonly port: number;
  /** Lines of its log, parsed. */
  readonly log: readonly Record<string, unknown>[];
  readonly #child: ChildProcess;
  readonly #folder: string;

  constructor(child: ChildProcess, folder: string, port: number, log: Record<string, unknown>[]) {
    this.#child = child;
    this.#folder = folder;
    this.pid = child.pid ?? 0;
    this.port = port;
    this.log = log;
  }

  static async start(config: ConfigInput): Promise<SpawnedProxy> {
    const folder = await mkdtemp(join(tmpdir(), 'pointsman-run-'));
    const file = join(folder, 'config.yaml');
    await writeFile(file, stringify(config), { mode: 0o600 });
    const child = spawn(
      process.execPath,
      ['--max-semi-space-size=4', '--expose-gc', '--import', HEAP, MAIN, 'run', '-c', file],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const log: Record<string, unknown>[] = [];
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    const port = new Promise<number>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`not ready within ${READY_WITHIN} ms`)), READY_WITHIN);
      child.once('exit', (code) => reject(new Error(`it ended with code ${code}: ${complaint}`)));
      createInterface(child.stdout).on('line', (line) => {
        const entry = JSON.parse(line) as Record<string, unknown>;
        log.push(entry);
        if (entry['event'] !== 'proxy.started') return;
        clearTimeout(late);
        const [address] = entry['addresses'] as { port: number }[];
        resolve(address?.port ?? 0);
      });
    });
    try {
      return new SpawnedProxy(child, folder, await port, log);
    } catch (error) {
      child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resident memory in bytes (Linux: /proc). */
  async resident(): Promise<number> {
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) * 1024;
  }

  /** What it holds once its garbage is collected, in bytes. V8 lets garbage gather, so resident memory tells less. */
  async held(): Promise<number> {
    const said = (): Record<string, unknown>[] => this.log.filter(({ event }) => event === 'heap');
    const before = said().length;
    this.#child.kill('SIGUSR2');
    await becomes('the proxy says what it holds', () => said().length > before, HEAP_WITHIN);
    return Number(said().at(-1)?.['bytes']);
  }

  async close(): Promise<void> {
    if (this.isRunning) {
      const ended = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.kill('SIGTERM');
      const late = setTimeout(() => this.#child.kill('SIGKILL'), 12_000);
      await ended;
      clearTimeout(late);
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
