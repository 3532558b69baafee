import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Installs what package-lock.json lists, unless node_modules holds exactly that. Ends the process if it cannot. */
export function ensureInstalled(root) {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const hash = createHash('sha256').update(lock).digest('hex');
  const stamp = join(root, 'node_modules', '.pointsman-lock');
  if (textOf(stamp) === hash) return;
  if (!isInstalled(root, JSON.parse(lock))) {
    console.log('Installing what package-lock.json lists into node_modules (npm ci); this happens once.');
    install(root);
  }
  writeFileSync(stamp, hash);
}

/** npm's own record of what it has installed, held against the lockfile; false as well where it is not there. */
function isInstalled(root, lock) {
  const record = textOf(join(root, 'node_modules', '.package-lock.json'));
  if (record === undefined) return false;
  const installed = JSON.parse(record).packages;
  const wanted = lock.packages[''].optionalDependencies ?? {};
  return Object.entries(lock.packages).every(([path, entry]) => {
    if (path === '') return true;
    const isOurs = wanted[path.replace('node_modules/', '')] !== undefined && isForThisMachine(entry);
    if (entry.optional && !isOurs) return true;
    return installed[path]?.version === entry.version && installed[path]?.integrity === entry.integrity;
  });
}

function isForThisMachine({ os, cpu }) {
  const fits = (list, word) => list === undefined || [list].flat().includes(word);
  return fits(os, process.platform) && fits(cpu, process.arch);
}

function install(root) {
  const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  const asked = npm?.endsWith('.js') && existsSync(npm);
  // npm replaces the folder that this Node may run from: it is run by the one that runs npm itself.
  const node = process.env.npm_node_execpath ?? process.execPath;
  const { status, error } = asked
    ? spawnSync(node, [npm, ...args], { cwd: root, stdio: 'inherit' })
    : spawnSync('npm', args, { cwd: root, stdio: 'inherit' });
  if (status === 0) return;
  console.error(`npm ci failed${error === undefined ? '' : ` (${error.message})`}; nothing was started.`);
  process.exit(status ?? 1);
}

function textOf(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}
