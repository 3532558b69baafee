import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs that some tests need beside the drivers, and the Debian package of each. */
const TOOLS = { psql: 'postgresql-client', pgbench: 'postgresql', pgbouncer: 'pgbouncer' };
const VERSIONS = '/usr/lib/postgresql';
const POLICY = '/usr/sbin/policy-rc.d';
const INSTALL_WITHIN = 600_000;

/**
 * Finds the tools and installs what is missing, as root on Debian and its kin. Says in plain words what
 * remains missing. Gives the environment for the tests: POINTSMAN_PSQL and so on, '' where there is none.
 */
export function provideTools() {
  let missing = Object.keys(TOOLS).filter((tool) => findTool(tool) === undefined);
  const failure = missing.length === 0 ? undefined : installTools(missing);
  missing = missing.filter((tool) => findTool(tool) === undefined);
  for (const tool of missing)
    console.log(
      `${tool} is missing: the tests that need it are skipped (${failure ?? 'its package does not carry it'}).`,
    );
  return Object.fromEntries(
    Object.keys(TOOLS).map((tool) => [`POINTSMAN_${tool.toUpperCase()}`, findTool(tool) ?? '']),
  );
}

/** On the PATH, or where Debian keeps each PostgreSQL's own programs, the newest version first. */
function findTool(tool) {
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...path, '/usr/sbin', ...versions.map((version) => join(VERSIONS, version, 'bin'))];
  return folders.map((folder) => join(folder, tool)).find(isProgram);
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Undefined: done. Else the reason why not, in words. */
function installTools(tools) {
  const packages = [...new Set(tools.map((tool) => TOOLS[tool]))];
  const wish = `install ${packages.join(', ')}`;
  if (!existsSync('/etc/debian_version')) return `not on this system by itself: ${wish} or what is like it`;
  if (process.getuid?.() !== 0) return `only root can ${wish}`;
  console.log(`Installing Debian's ${packages.join(', ')} for tests that need ${tools.join(', ')}.`);
  const undo = forbidStarts();
  try {
    const failure =
      apt(['update', '-qq']) ?? apt(['install', '-qq', '-y', '--no-install-recommends', ...packages]);
    return failure === undefined ? undefined : `could not ${wish}: ${failure}`;
  } finally {
    undo();
  }
}

/** No service may start because its package is installed (policy-rc.d's 101); returns what takes that back. */
function forbidStarts() {
  if (existsSync(POLICY)) return () => {};
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  return () => rmSync(POLICY, { force: true });
}

/** Undefined if it went well, else the last thing it said. */
function apt(args) {
  const { status, error, stderr } = spawnSync('apt-get', args, {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: INSTALL_WITHIN,
  });
  if (status === 0) return undefined;
  return error?.message ?? stderr.trim().split('\n').at(-1) ?? `apt-get ended with ${status}`;
}
