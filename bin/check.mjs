import { join } from 'node:path';
import { runChild } from './child.mjs';

/** Every check in turn, each under its headline; 1 if any has failed. */
export async function runChecks(root, node) {
  const bin = (path) => join(root, 'node_modules', ...path.split('/'));
  const checks = [
    ['Types (tsc)', [bin('typescript/bin/tsc'), '--noEmit']],
    ['Lint and format (biome)', [bin('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.']],
    ['Unused code (knip)', [bin('knip/bin/knip.js')]],
    ['Architecture (who imports whom)', ['--test', join(root, 'test', 'architecture.test.ts')]],
  ];
  const failed = [];
  for (const [headline, args] of checks) {
    console.log(`\n== ${headline}`);
    if ((await runChild(node, args, { cwd: root })) !== 0) failed.push(headline);
  }
  console.log(failed.length === 0 ? '\nAll checks passed.' : `\nFailed: ${failed.join(', ')}.`);
  return failed.length === 0 ? 0 : 1;
}
