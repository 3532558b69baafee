import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { until } from './until.ts';

/** A running process: its id and its command line, arguments parted by spaces. */
interface Process {
  readonly pid: number;
  readonly command: string;
}

/**
 * Whether a command line is that of a server called `mark`, or of a cluster whose servers are `mark-…`: by the
 * name of its process id file, or by `cluster_name`, which PostgreSQL's servers show in their titles, a
 * postmaster and children just forked in their arguments.
 */
export function isServerOf(command: string, mark: string): boolean {
  if (/(^|[ /])(mysqld|mariadbd) /.test(command))
    return includesWord(command, ` --pid-file=${mark}`, ['.', '-']);
  if (/^(\S*\/)?postgres /.test(command))
    return includesWord(command, ` cluster_name=${mark}`, [' ', '-', '']);
  return includesWord(command, `postgres: ${mark}`, [': ', '-']) && command.startsWith('postgres: ');
}

function includesWord(text: string, word: string, ends: readonly string[]): boolean {
  const at = text.indexOf(word);
  if (at < 0) return false;
  const rest = text.slice(at + word.length);
  return ends.some((end) => (end === '' ? rest === '' : rest.startsWith(end)));
}

/** The processes of a server or of a cluster's servers, orphaned ones too. Zombies show no command and are left out. */
export function serverProcesses(mark: string): number[] {
  const found: number[] = [];
  for (const { pid, command } of runningProcesses()) if (isServerOf(command, mark)) found.push(pid);
  return found;
}

/** The command line of a process; '' if there is none. */
export function commandOf(pid: number): string {
  for (const process of runningProcesses()) if (process.pid === pid) return process.command;
  return '';
}

/** Sends a signal to each process that still exists. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended by itself.
    }
  }
}

/** Kills them all, stopped ones too; false if some are still there after `withinMs`. */
export async function killServers(mark: string, withinMs: number): Promise<boolean> {
  return until(() => {
    const left = serverProcesses(mark);
    signalAll(left, 'SIGKILL');
    return left.length === 0;
  }, withinMs);
}

function runningProcesses(): Iterable<Process> {
  return process.platform === 'linux' ? fromProc() : fromPs();
}

function* fromProc(): Iterable<Process> {
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    let command: string;
    try {
      command = readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ').trimEnd();
    } catch {
      continue;
    }
    if (command !== '') yield { pid, command };
  }
}

function* fromPs(): Iterable<Process> {
  const lines = execFileSync('ps', ['-A', '-ww', '-o', 'pid=,command='], { encoding: 'utf8' }).split('\n');
  for (const line of lines) {
    const [, pid, command] = /^\s*(\d+)\s+(.*)$/.exec(line) ?? [];
    if (pid !== undefined && command !== undefined) yield { pid: Number(pid), command };
  }
}
