import { spawn } from 'node:child_process';
import type { Hooks } from './failover/runner.ts';

/** The configured command that makes a superseded primary a replica again; the runner bounds its time. */
export function commandHook(command: string | undefined): Hooks {
  if (command === undefined) return {};
  return {
    rejoin: (node, primary) =>
      new Promise((resolve, reject) => {
        const filled = command.replaceAll('{node}', node).replaceAll('{primary}', primary);
        const child = spawn('/bin/sh', ['-c', filled], { stdio: ['ignore', 'inherit', 'inherit'] });
        child.on('error', reject);
        child.on('exit', (code, signal) => {
          if (code === 0) resolve();
          else reject(new Error(`the rejoin command ended with ${signal ?? `exit code ${code}`}`));
        });
      }),
  };
}
