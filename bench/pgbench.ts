import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { pathOf, type Tool } from '../test/support/need.ts';

const execute = promisify(execFile);

/** Where to measure, and as whom. */
export interface Aim {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export type Protocol = 'simple' | 'extended' | 'prepared';
export type Work = 'select' | 'tpcb';

export interface Load {
  readonly work: Work;
  readonly protocol: Protocol;
  readonly clients: number;
  readonly seconds: number;
}

/** What pgbench counted. */
export interface Count {
  readonly transactions: number;
  /** Transactions a second, connecting left out. */
  readonly tps: number;
}

const PGBENCH: Tool = 'pgbench';

/** One line that names the version. */
export async function version(): Promise<string> {
  const { stdout } = await execute(pathOf(PGBENCH), ['--version']);
  return stdout.trim();
}

/** Lays the tables of pgbench. */
export async function layTables(aim: Aim, scale: number, signal: AbortSignal): Promise<void> {
  await run(aim, ['-i', '-q', '-s', String(scale)], signal);
}

/** One run with one thread. Rejects if a single transaction failed. */
export async function measure(aim: Aim, load: Load, signal: AbortSignal): Promise<Count> {
  const { work, protocol, clients, seconds } = load;
  const script = work === 'select' ? ['-S'] : [];
  const output = await run(
    aim,
    ['-n', ...script, '-M', protocol, '-c', String(clients), '-j', '1', '-T', String(seconds)],
    signal,
  );
  return readCount(output);
}

/** Reads pgbench's report. Throws if it holds no figures, or failures. */
export function readCount(report: string): Count {
  const transactions = Number(/number of transactions actually processed: (\d+)/.exec(report)?.[1]);
  const tps = Number(/^tps = ([\d.]+) \(without initial connection time\)/m.exec(report)?.[1]);
  const failed = Number(/number of failed transactions: (\d+)/.exec(report)?.[1] ?? 0);
  if (!(transactions > 0) || !(tps > 0)) throw new Error(`pgbench reported no figures: ${report.trim()}`);
  if (failed > 0 || report.includes('aborted')) throw new Error(`transactions failed: ${report.trim()}`);
  return { transactions, tps };
}

async function run(aim: Aim, args: readonly string[], signal: AbortSignal): Promise<string> {
  const where = ['-h', '127.0.0.1', '-p', String(aim.port), '-U', aim.user, aim.database];
  const env = { PATH: process.env['PATH'] ?? '', PGPASSWORD: aim.password, LC_ALL: 'C' };
  const { stdout, stderr } = await execute(pathOf(PGBENCH), [...args, ...where], { env, signal });
  return `${stdout}\n${stderr}`;
}
