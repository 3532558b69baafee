import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runChild } from './child.mjs';
import { provideTools } from './tools.mjs';

/** Files at one time: most of them start real servers, and wait for them more than they work. */
const AT_ONCE = 2;

/**
 * Runs the tests, all or those that `args` names (files, globs, options of node's runner). With
 * POINTSMAN_NO_SKIPS=1 a skip is a failure.
 */
export async function runTests(root, node, args) {
  const tools = provideTools();
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-skips-'));
  try {
    const skips = join(folder, 'skips');
    const code = await runChild(node, [...options(root, skips), ...chosen(args)], {
      cwd: root,
      env: { ...process.env, ...tools },
    });
    return code === 0 ? judgeSkips(readFileSync(skips, 'utf8')) : code;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function options(root, skips) {
  const reporter = pathToFileURL(join(root, 'bin', 'skips.mjs')).href;
  return [
    '--test',
    `--test-concurrency=${AT_ONCE}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${reporter}`,
    `--test-reporter-destination=${skips}`,
  ];
}

function chosen(args) {
  const files = args.some((arg) => !arg.startsWith('-'));
  return files ? args : [...args, 'test/**/*.test.ts'];
}

function judgeSkips(list) {
  if (list === '' || process.env.POINTSMAN_NO_SKIPS !== '1') return 0;
  console.error(`\nSkipped, and POINTSMAN_NO_SKIPS=1 forbids it:\n${list.trimEnd()}`);
  return 1;
}
