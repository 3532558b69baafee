import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The oldest Node that runs the sources as they are. */
const NEEDED = 24;

/**
 * What the proxy's own process is started with. Log-ins let V8's young generation grow once by some 30 MB for
 * little: half of that is as fast, and thousands of idle clients cost less than their sockets (docs/performance.md).
 * With --expose-gc large results leave no garbage to gather (src/net/reclaim.ts).
 */
export const nodeOptions = ['--max-semi-space-size=4', '--expose-gc'];

/** The path of a Node that can run Pointsman: this one, or the one that npm has installed; undefined if neither. */
function findNode() {
  if (Number(process.versions.node.split('.')[0]) >= NEEDED) return process.execPath;
  try {
    const found = createRequire(import.meta.url).resolve(
      `node-${process.platform}-${process.arch}/package.json`,
    );
    const path = join(dirname(found), 'bin', 'node');
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

/** As `findNode`; ends this process with a plain message if there is none. */
export function requireNode() {
  const found = findNode();
  if (found !== undefined) return found;
  console.error(
    `Pointsman needs Node ${NEEDED} or newer. This is Node ${process.versions.node}, and the package ` +
      `node-${process.platform}-${process.arch}, which carries Node ${NEEDED}, is not installed ` +
      '(npm ci installs it where it exists). Install Node from https://nodejs.org and try again.',
  );
  process.exit(1);
}
