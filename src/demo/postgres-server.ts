import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Account } from './account.ts';
import type { Binaries } from './binaries.ts';
import { clearRemains } from './remains.ts';
import type { Software } from './server.ts';

export interface PostgresServerOptions {
  readonly port: number;
  readonly dataFolder: string;
  /** The server's `cluster_name`: it is in its arguments, and in the titles of its children. */
  readonly mark: string;
  readonly binaries: Binaries;
  readonly account: Account | undefined;
}

/** A PostgreSQL server on a data folder that exists. */
export function postgresServer(options: PostgresServerOptions): Software {
  const { port, dataFolder, mark, binaries, account } = options;
  const args = ['-D', dataFolder, '-p', String(port), '-c', `cluster_name=${mark}`];
  return {
    launch: { file: binaries.postgres, args, runsAs: account },
    stopSignals: { fast: 'SIGINT', immediate: 'SIGQUIT' },
    isReady: (pid) => saysReady(dataFolder, pid),
    clear: () => clearRemains(dataFolder, account),
  };
}

/** PostgreSQL writes its state to line 8 of postmaster.pid, as pg_ctl reads it. */
function saysReady(dataFolder: string, pid: number): boolean {
  try {
    const lines = readFileSync(join(dataFolder, 'postmaster.pid'), 'utf8').split('\n');
    return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
  } catch {
    return false;
  }
}
