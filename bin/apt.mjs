import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

const POLICY = '/usr/sbin/policy-rc.d';
const INSTALL_WITHIN = 600_000;

/** Installs Debian packages, as root on Debian and its kin. Undefined: done; else the reason why not, in words. */
export function installPackages(packages, purpose) {
  const wish = `install ${packages.join(', ')}`;
  const hindrance = hindranceTo(wish);
  if (hindrance !== undefined) return hindrance;
  console.log(`Installing Debian's ${packages.join(', ')} for ${purpose}.`);
  const undo = forbidStarts();
  try {
    const failure =
      apt(['update', '-qq']) ?? apt(['install', '-qq', '-y', '--no-install-recommends', ...packages]);
    return failure === undefined ? undefined : `could not ${wish}: ${failure}`;
  } finally {
    undo();
  }
}

/** Why this process cannot install by itself; undefined if it can. */
export function hindranceTo(wish) {
  if (!existsSync('/etc/debian_version')) return `not on this system by itself: ${wish} or what is like it`;
  return process.getuid?.() === 0 ? undefined : `only root can ${wish}`;
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
