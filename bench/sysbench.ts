import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { pathOf } from '../test/support/need.ts';
import type { Count } from './contest.ts';
import type { Latency } from './figures.ts';
import type { Aim } from './pgbench.ts';
import { withFiles } from './process.ts';

const execute = promisify(execFile);

/** Rows of the one table. */
const ROWS = 100_000;
/** Files it has open beside a socket a thread. */
const OTHER_FILES = 50;

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

/** One run; what is counted are its queries. Rejects if a single one failed. */
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
    '--histogram=on',
    // Without it a point select is wrapped in BEGIN and COMMIT by other scripts only; said here to be sure.
    ...(script === 'oltp_point_select' ? ['--skip-trx=on'] : []),
  ];
  return readSysbench(await run(aim, script, options, 'run', signal, threads));
}

/**
 * Reads sysbench's report: queries, queries a second, and the latencies of its events (of one query, or of a
 * whole transaction). Throws if it holds no figures, or errors.
 */
export function readSysbench(report: string): Count {
  const queries = /^\s*queries:\s+(\d+)\s+\(([\d.]+) per sec\.\)/m.exec(report);
  const errors = /^\s*ignored errors:\s+(\d+)/m.exec(report);
  const transactions = Number(queries?.[1]);
  const tps = Number(queries?.[2]);
  if (!(transactions > 0) || !(tps > 0)) throw new Error(`sysbench reported no figures: ${report.trim()}`);
  if (Number(errors?.[1] ?? 0) > 0) throw new Error(`queries failed: ${report.trim()}`);
  const count = { transactions, tps, seconds: transactions / tps };
  const latency = histogramLatency(report);
  return latency === undefined ? count : { ...count, latency };
}

/** Of lines like `0.160 |*****   1234`: an upper bound in ms and how many events were below it. */
function histogramLatency(report: string): Latency | undefined {
  const rows = [...report.matchAll(/^\s*([\d.]+) \|\**\s+(\d+)\s*$/gm)].map(([, ms, events]) => ({
    ms: Number(ms),
    events: Number(events),
  }));
  const all = rows.reduce((sum, { events }) => sum + events, 0);
  if (all === 0) return undefined;
  const at = (percent: number): number => {
    let left = (all * percent) / 100;
    for (const { ms, events } of rows) {
      left -= events;
      if (left <= 0) return ms;
    }
    return Number.NaN;
  };
  return { p50: at(50), p95: at(95), p99: at(99) };
}

async function run(
  { port, user, password, database }: Aim,
  script: string,
  options: readonly string[],
  what: 'prepare' | 'run',
  signal: AbortSignal,
  threads = 1,
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
  const command = [pathOf('sysbench'), script, ...where, ...options, what];
  const [program = '', ...rest] = withFiles(threads + OTHER_FILES, command);
  const { stdout, stderr } = await execute(program, rest, { signal });
  return `${stdout}\n${stderr}`;
}
