import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pathOf, type Tool } from '../test/support/need.ts';
import type { Count } from './contest.ts';
import { latencyOf } from './figures.ts';
import { withFiles } from './process.ts';

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
  /** The part of the transactions whose latency is kept; left out: none. */
  readonly sampled?: number;
}

const PGBENCH: Tool = 'pgbench';
/** Files it has open beside a socket a client. */
const OTHER_FILES = 50;
const LOGINS_PER_SECOND = 100;
/** Seconds more for another try. */
const LONGER = 5;

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
  try {
    return await runOnce(aim, load, signal);
  } catch (error) {
    if (!(error instanceof NoFigures)) throw error;
    // Whoever has to start processes first may use up the whole time by connecting.
    return await runOnce(aim, { ...load, seconds: load.seconds + LONGER }, signal);
  }
}

async function runOnce(aim: Aim, load: Load, signal: AbortSignal): Promise<Count> {
  const { work, protocol, clients, seconds, sampled } = load;
  const args = [
    '-n',
    ...(work === 'select' ? ['-S'] : []),
    ...['-M', protocol, '-c', String(clients), '-j', '1'],
    // Its clock runs while it connects, one client after the other.
    ...['-T', String(seconds + Math.round(clients / LOGINS_PER_SECOND))],
  ];
  if (sampled === undefined) return readCount(await run(aim, args, signal, clients));
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-pgbench-'));
  try {
    const log = ['-l', '--log-prefix', join(folder, 'log'), '--sampling-rate', String(sampled)];
    const count = readCount(await run(aim, [...args, ...log], signal, clients));
    const files = await readdir(folder);
    const lines = await Promise.all(files.map((file) => readFile(join(folder, file), 'latin1')));
    return { ...count, latency: latencyOf(lines.flatMap(readLatencies)) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** It ended before a single transaction did. */
class NoFigures extends Error {
  constructor(report: string) {
    super(`pgbench reported no figures: ${report.trim()}`);
  }
}

/** Reads pgbench's report. Throws if it holds no figures, or failures. */
export function readCount(report: string): Count {
  const transactions = Number(/number of transactions actually processed: (\d+)/.exec(report)?.[1]);
  const tps = Number(/^tps = ([\d.]+) \(without initial connection time\)/m.exec(report)?.[1]);
  const failed = Number(/number of failed transactions: (\d+)/.exec(report)?.[1] ?? 0);
  if (failed > 0 || report.includes('aborted')) throw new Error(`transactions failed: ${report.trim()}`);
  if (!(transactions > 0) || !(tps > 0)) throw new NoFigures(report);
  return { transactions, tps, seconds: transactions / tps };
}

/** Reads pgbench's log of transactions: the latencies in ms. Its third field is the time in µs. */
export function readLatencies(log: string): number[] {
  const found: number[] = [];
  for (const line of log.split('\n')) {
    const micros = Number(line.split(' ')[2]);
    if (line !== '' && Number.isFinite(micros)) found.push(micros / 1_000);
  }
  return found;
}

async function run(aim: Aim, args: readonly string[], signal: AbortSignal, clients = 1): Promise<string> {
  const where = ['-h', '127.0.0.1', '-p', String(aim.port), '-U', aim.user, aim.database];
  const env = { PATH: process.env['PATH'] ?? '', PGPASSWORD: aim.password, LC_ALL: 'C' };
  const [program = '', ...rest] = withFiles(clients + OTHER_FILES, [pathOf(PGBENCH), ...args, ...where]);
  const { stdout, stderr } = await execute(program, rest, { env, signal });
  return `${stdout}\n${stderr}`;
}
