import { spawn } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { serverAccount } from './account.ts';
import { COPY } from './binaries.ts';
import { killServers } from './processes.ts';
import { clearRemains } from './remains.ts';

/** What a guard watches over: the servers marked `mark`, and their folder. */
export interface Guarded {
  readonly mark: string;
  readonly folder: string;
  readonly keep: boolean;
}

/**
 * A process beside the cluster's owner that waits for the owner's end, however it comes (SIGKILL too), and
 * then ends the servers and removes their folder. It notices by the end of its standard input.
 */
export class Guard {
  readonly #process;
  readonly #ended: Promise<void>;

  constructor(guarded: Guarded) {
    // Its own session: Ctrl-C in the terminal must not end it before its owner.
    this.#process = spawn(process.execPath, [import.meta.filename], {
      cwd: '/',
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    this.#ended = new Promise((resolve) => {
      this.#process.once('error', () => resolve());
      this.#process.once('exit', () => resolve());
    });
    this.#process.stdin.on('error', () => undefined);
    this.#process.stdin.write(JSON.stringify(guarded));
    this.#process.unref();
    (this.#process.stdin as Socket).unref();
  }

  /** Resolves when it has swept and ended. */
  async close(): Promise<void> {
    this.#process.ref();
    this.#process.stdin.end();
    await this.#ended;
  }
}

const KILL_WITHIN = 20_000;

/** Ends all servers of a cluster and removes its folder, or what they left in it if it is kept. */
async function sweep({ mark, folder, keep }: Guarded): Promise<void> {
  await killServers(mark, KILL_WITHIN);
  const account = await serverAccount();
  for (const entry of await readdir(folder).catch(() => [])) await clearRemains(join(folder, entry), account);
  await rm(keep ? join(folder, COPY) : folder, { recursive: true, force: true, maxRetries: 5 });
}

if (import.meta.main) {
  // The owner's end is the only order it takes.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  await sweep(JSON.parse(await text(process.stdin)) as Guarded);
}
