import { spawn } from 'node:child_process';
import type { Account } from './account.ts';

/** A program's environment: nothing of ours that changes where it connects (PG*, MYSQL_*) or how it speaks. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

/** A program to start: `runsAs` is the account that its first process gets; undefined: this process's own. */
export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  readonly runsAs: Account | undefined;
}

/** Spawn options to run as `account`. */
export function asAccount(account: Account | undefined): { uid?: number; gid?: number } {
  return account === undefined ? {} : { uid: account.uid, gid: account.gid };
}

/**
 * Runs a program to its end within `withinMs`, `input` at its standard input.
 * Rejects with its last output if it fails.
 */
export async function run(
  program: string,
  args: readonly string[],
  options: { account: Account | undefined; input?: string; withinMs: number },
): Promise<string> {
  const child = spawn(program, args, {
    ...asAccount(options.account),
    cwd: '/',
    env: serverEnvironment(),
    stdio: 'pipe',
    timeout: options.withinMs,
    killSignal: 'SIGKILL',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-8_192);
    });
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const code = await new Promise<number | string | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve(status ?? signal));
  });
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${output.trim()}`);
  return output;
}
