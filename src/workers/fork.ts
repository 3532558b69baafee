import { fork } from 'node:child_process';
import type { WorkerEars, WorkerProcess } from './crew.ts';
import type { Up } from './messages.ts';

/** Options of this process that its workers take over; what debugs or evaluates must not run twice. */
const INHERITED = /^--(?:max-|cpu-prof|heap-prof|no-warnings|disable-warning|stack-trace-limit)/;

/** Starts a worker: `file` runs in a process of its own, with this one's standard output and error. */
export function forkWorker(file: string, ears: WorkerEars): WorkerProcess {
  // 'advanced': views hold Infinity, catalogues sets.
  const child = fork(file, [], {
    serialization: 'advanced',
    execArgv: process.execArgv.filter((option) => INHERITED.test(option)),
  });
  let over = false;
  const ended = (how: string): void => {
    if (over) return;
    over = true;
    ears.ended(how);
  };
  child.on('message', (message) => {
    if (!over) ears.said(message as Up);
  });
  child.on('exit', (code, signal) => ended(signal ?? `exit code ${code}`));
  // Could not be started, killed or written to; only the first of these has no 'exit'.
  child.on('error', (error) => {
    if (child.pid === undefined) ended(error.message);
  });
  return {
    pid: child.pid ?? 0,
    send: (message) => {
      if (child.connected) child.send(message, undefined, undefined, () => undefined);
    },
    kill: () => {
      child.kill('SIGKILL');
    },
  };
}
