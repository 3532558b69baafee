import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** What the kernel says of processes (proc(5)). Linux only; a process that has ended counts for nothing. */

/** The kernel's unit of processor time in /proc: 100 a second on every Linux that Node runs on. */
const TICK_MS = 10;

/** Processor time of one process so far, user and system, and of its children that have ended, in ms. */
export function processorMs(pid: number): number {
  return ticksOf(read(`/proc/${pid}/stat`)) * TICK_MS;
}

/** Of a line of /proc/PID/stat: utime, stime, cutime and cstime, its 14th to 17th field. */
export function ticksOf(stat: string): number {
  // The name in parentheses may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) || 0;
}

/** The process and all that it and its children have started and that still run, itself first. */
export function withDescendants(pid: number): number[] {
  const found = [pid];
  for (const one of found) found.push(...childrenOf(one));
  return found;
}

/** Every thread may have children of its own. */
function childrenOf(pid: number): number[] {
  return threadsOf(pid).flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
  );
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** The process's proportional set size in bytes: what several processes share is divided among them. */
export function proportionalBytes(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1_024;
}

/** Ties the processes, all their threads and all that they start later to these cores, e.g. `0,1`. */
export function pin(pids: readonly number[], cores: string): void {
  for (const pid of pids) {
    // One that has just ended is no failure.
    if (read(`/proc/${pid}/stat`) === '') continue;
    execFileSync('taskset', ['-a', '-c', '-p', cores, String(pid)], { stdio: 'ignore' });
  }
}

/** The cores that this process may use, e.g. [0, 1]. */
export function ownCores(): number[] {
  const list = /^Cpus_allowed_list:\s+(\S+)/m.exec(read('/proc/self/status'))?.[1] ?? '';
  return list.split(',').flatMap(rangeOf);
}

/** `3` or `0-3`, as the kernel writes them. */
function rangeOf(text: string): number[] {
  const [from = Number.NaN, to = from] = text.split('-').map(Number);
  return Number.isInteger(from) ? Array.from({ length: to - from + 1 }, (_, at) => from + at) : [];
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
