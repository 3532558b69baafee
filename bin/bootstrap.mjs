import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runChecks } from './check.mjs';
import { runChild } from './child.mjs';
import { ensureInstalled } from './install.mjs';
import { nodeOptions, requireNode } from './node.mjs';
import { runTests } from './test.mjs';
import { provideTools } from './tools.mjs';
import { providePeers } from './unstable.mjs';

/** The scripts of package.json: makes a fresh clone ready with any Node from 20 on, then runs the real thing. */
const root = dirname(dirname(fileURLToPath(import.meta.url)));

const commands = {
  demo: (node, args) => runChild(node, [...nodeOptions, join(root, 'src', 'main.ts'), 'demo', ...args]),
  test: (node, args) => runTests(root, node, args),
  tools: (_, [what]) => (what === 'peers' ? showPeers(providePeers()) : showTools(provideTools())),
  check: (node) => runChecks(root, node),
  proof: (node, args) => runFile(node, 'bench/proof.ts', args),
  bench: (node, args) => runFile(node, 'bench/main.ts', args),
};

async function runFile(node, file, args) {
  if (existsSync(join(root, file))) return runChild(node, [join(root, file), ...args], { cwd: root });
  console.error(`${file} does not exist yet.`);
  return 1;
}

/** The tests' tools and servers, installed where that can be done: `name=path` a line. */
function showTools(tools) {
  for (const [name, path] of Object.entries(tools)) console.log(`${name}=${path}`);
  return 0;
}

/** Whether the benchmark's peers are where it looks for them now. */
function showPeers({ root, failure }) {
  console.log(failure === undefined ? `The peers are in ${root}.` : `Not installed: ${failure}`);
  return failure === undefined ? 0 : 1;
}

const [name, ...args] = process.argv.slice(2);
const command = Object.hasOwn(commands, name ?? '') ? commands[name] : undefined;
if (command === undefined) {
  console.error(`usage: node bin/bootstrap.mjs ${Object.keys(commands).join('|')} [arguments]`);
  process.exit(2);
}
ensureInstalled(root);
process.exit(await command(requireNode(), args));
