import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const LOOK_EVERY = 500;

/**
 * Runs a program in the foreground; resolves with its exit code, or 128 + the signal that ended it.
 * Signals to this process are passed on. Ctrl-C in a terminal is not: the child has had it already.
 * The channel tells a child that listens for 'disconnect' when this process dies without a word.
 */
export function runChild(program, args, options = {}) {
  const child = spawn(program, args, { ...options, stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  const forwards = FORWARDED.map((signal) => {
    const forward = () => {
      if (signal === 'SIGINT' && process.stdin.isTTY) return;
      child.kill(signal);
    };
    process.on(signal, forward);
    return { signal, forward };
  });
  const watch = watchParent(() => child.kill('SIGTERM'));
  return new Promise((resolve) => {
    const done = (code) => {
      clearInterval(watch);
      for (const { signal, forward } of forwards) process.off(signal, forward);
      resolve(code);
    };
    child.once('error', (error) => {
      console.error(`${program} could not be started: ${error.message}`);
      done(1);
    });
    child.once('exit', (code, signal) => done(code ?? 128 + constants.signals[signal]));
  });
}

/**
 * The shell between npm and this process passes no signals on: it dies of the one that npm forwards. So its
 * death is the signal. Only under npm; a shell that starts something in the background may well end.
 */
function watchParent(died) {
  if (process.env.npm_lifecycle_event === undefined) return undefined;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    died();
  }, LOOK_EVERY);
  return watch;
}
