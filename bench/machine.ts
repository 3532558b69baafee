import { availableParallelism, cpus } from 'node:os';

/** The machine by what it computes with; nothing that names it. */
export function machineLine(): string {
  const cores = availableParallelism();
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  return `${cores} core${cores === 1 ? '' : 's'} (${model}), all of it on one machine over loopback`;
}

export const nodeLine = (): string => `Node ${process.versions.node}`;
