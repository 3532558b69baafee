import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { pathOf } from '../test/support/need.ts';
import type { Aim, Count } from './pgbench.ts';

const execute = promisify(execFile);

/** Rows of the one table. */
const ROWS = 100_000;

export interface SysbenchLoad {
  readonly script: 'oltp_point_select' | 'oltp_read_only' | 'oltp_read_write';
  /** Prepared on the server, or sent as text. */
  readonly prepared: boolean;
  readonly threads: number;
}

/** One line that names the version. */
export async function sysbenchVersion(): Promise<string> {
  const { stdout } = await execute(pathOf('sysbench'), ['--version']);
  return stdout.trim();
}

/** Lays the table; past the proxies. */
export async function layTable(aim: Aim, signal: AbortSignal): Promise<void> {
  await run(aim, 'oltp_point_select', [], 'prepare', signal);
}

/** One run. Rejects if a single query failed. */
export async function measureSysbench(
  aim: Aim,
  { script, prepared, threads }: SysbenchLoad,
  seconds: number,
  signal: AbortSignal,
): Promise<Count> {
  const options = [
    `--db-ps-mode=${prepared ? 'auto' : 'disable'}`,
    `--threads=${threads}`,
    `--time=${seconds}`,
    '--events=0',
    // Without it a point select is wrapped in BEGIN and COMMIT by other scripts only; said here to be sure.
    ...(script === 'oltp_point_select' ? ['--skip-trx=on'] : []),
  ];
  return readSysbench(await run(aim, script, options, 'run', signal));
}

/** Reads sysbench's report: queries, and queries a second. Throws if it holds no figures, or errors. */
export function readSysbench(report: string): Count {
  const queries = /^\s*queries:\s+(\d+)\s+\(([\d.]+) per sec\.\)/m.exec(report);
  const errors = /^\s*ignored errors:\s+(\d+)/m.exec(report);
  const transactions = Number(queries?.[1]);
  const tps = Number(queries?.[2]);
  if (!(transactions > 0) || !(tps > 0)) throw new Error(`sysbench reported no figures: ${report.trim()}`);
  if (Number(errors?.[1] ?? 0) > 0) throw new Error(`queries failed: ${report.trim()}`);
  return { transactions, tps };
}

async function run(
  { port, user, password, database }: Aim,
  script: string,
  options: readonly string[],
  what: 'prepare' | 'run',
  signal: AbortSignal,
): Promise<string> {
  const where = [
    '--db-driver=mysql',
    '--mysql-host=127.0.0.1',
    `--mysql-port=${port}`,
    `--mysql-user=${user}`,
    `--mysql-password=${password}`,
    `--mysql-db=${database}`,
    '--tables=1',
    `--table-size=${ROWS}`,
  ];
  const { stdout, stderr } = await execute(pathOf('sysbench'), [script, ...where, ...options, what], {
    signal,
  });
  return `${stdout}\n${stderr}`;
}
