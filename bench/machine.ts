import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

/** The machine by what it computes with; nothing that names it. */
export function machineLine(): string {
  const cores = availableParallelism();
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cores} core${cores === 1 ? '' : 's'} (${model}), ${memory} GiB, all of it on one machine over loopback`;
}

/** More than this many programs that want a core before anything was started: figures are not worth much. */
const BUSY = 0.5;

/** Says that others use the machine too; undefined if they do not. */
export function busyLine(): string | undefined {
  const [load = 0] = loadavg();
  if (load < BUSY) return undefined;
  return `OTHER PROGRAMS WORK ON THIS MACHINE: load ${load.toFixed(1)}. Read ratios only, and measure again when it is quiet.`;
}

export const nodeLine = (): string => `Node ${process.versions.node}`;
