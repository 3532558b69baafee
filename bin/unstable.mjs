import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { hindranceTo, installPackages } from './apt.mjs';

/** MySQL is in no stable Debian: its server and its client come from unstable, into a root of their own. */
const PACKAGES = ['mysql-server-core', 'mysql-client-core'];
/** What the benchmark measures beside this proxy; ProxySQL is in no Debian. */
const PEERS = ['pgbouncer', 'pgpool2', 'odyssey', 'haproxy', 'mysql-router'];
const LAY_WITHIN = 1_800_000;
/** Installs packages in the root, in a mount namespace of its own; none of them may start a service (101). */
const ADD = [
  'set -e; root=$1; shift',
  'mount --rbind /dev "$root/dev"',
  'mount -t proc proc "$root/proc"',
  'printf "#!/bin/sh\\nexit 101\\n" >"$root/usr/sbin/policy-rc.d"; chmod +x "$root/usr/sbin/policy-rc.d"',
  'chroot "$root" apt-get -o Acquire::Check-Valid-Until=false update -qq',
  'chroot "$root" apt-get install -y -qq --no-install-recommends "$@"',
  'chroot "$root" apt-get clean',
].join('\n');

/** Where the root lies (src/demo/mysql-programs.ts says the same): outside of the clone, shared by all clones. */
function rootFolder() {
  return process.env.POINTSMAN_UNSTABLE || join(homedir(), '.cache', 'pointsman', 'unstable');
}

/**
 * Sees to it that there is a MySQL server: an Oracle `mysqld` on the PATH, else the one in the root of Debian
 * unstable, which is laid now if this is root on Debian. `failure`: why there is none, in words.
 */
export function provideMysql() {
  const root = rootFolder();
  const isThere = () => isOnPath() || existsSync(join(root, 'usr', 'sbin', 'mysqld'));
  if (isThere()) return { root, failure: undefined };
  const wish =
    'lay a root of Debian unstable for MySQL; install MySQL 8.0.26 or newer so that mysqld is on the PATH';
  const failure = hindranceTo(wish) ?? layRoot(root);
  return { root, failure: failure ?? (isThere() ? undefined : `there is no mysqld in ${root}`) };
}

/**
 * Installs the peers of the benchmark in the root of Debian unstable, which is laid first if it is not there: what
 * it has is newer, and the system itself stays as it is. `failure`: why not, in words.
 */
export function providePeers() {
  const root = rootFolder();
  const hindrance = hindranceTo(`lay a root of Debian unstable with ${PEERS.join(', ')}`);
  if (hindrance !== undefined) return { root, failure: hindrance };
  const failure = existsSync(join(root, 'usr', 'bin', 'apt-get')) ? undefined : layRoot(root);
  if (failure !== undefined) return { root, failure };
  console.log(`Installing ${PEERS.join(', ')} in ${root}.`);
  const { status, error, stderr } = spawnSync(
    'unshare',
    ['--mount', '/bin/sh', '-c', ADD, 'add', root, ...PEERS],
    {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
      timeout: LAY_WITHIN,
      maxBuffer: 1 << 26,
    },
  );
  if (status === 0) return { root, failure: undefined };
  return { root, failure: error?.message ?? `apt-get failed: ${stderr.trim().split('\n').at(-1)}` };
}

/** MariaDB's server is called mysqld on Debian too. */
function isOnPath() {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.some((folder) => {
    if (folder === '' || !existsSync(join(folder, 'mysqld'))) return false;
    const { status, stdout } = spawnSync(join(folder, 'mysqld'), ['--no-defaults', '--version'], {
      encoding: 'utf8',
    });
    return status === 0 && !stdout.includes('MariaDB');
  });
}

/** Undefined: done. Laid beside its place and renamed when it is whole, so that a half one is never taken for one. */
function layRoot(root) {
  const failure = existsSync('/usr/sbin/debootstrap')
    ? undefined
    : installPackages(['debootstrap'], 'a root of Debian unstable');
  if (failure !== undefined) return failure;
  console.log(
    `Laying a root of Debian unstable with MySQL in ${root}; this happens once and takes some minutes.`,
  );
  const fresh = `${root}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(dirname(root), { recursive: true });
  const bootstrap = [
    'debootstrap',
    '--variant=minbase',
    `--include=${PACKAGES.join(',')}`,
    'sid',
    fresh,
    mirror(),
  ];
  // In a mount namespace of its own: whatever debootstrap mounts in there ends with it.
  const { status, error, stdout } = spawnSync('unshare', ['--mount', ...bootstrap], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    timeout: LAY_WITHIN,
    maxBuffer: 1 << 26,
  });
  if (status !== 0) {
    rmSync(fresh, { recursive: true, force: true });
    return `debootstrap failed: ${error?.message ?? stdout.trim().split('\n').at(-1)}`;
  }
  rmSync(join(fresh, 'var', 'cache', 'apt', 'archives'), { recursive: true, force: true });
  rmSync(root, { recursive: true, force: true });
  renameSync(fresh, root);
  return undefined;
}

/** The mirror that this system itself uses. */
function mirror() {
  const { stdout } = spawnSync(
    'apt-get',
    ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'],
    {
      encoding: 'utf8',
    },
  );
  const uris = (stdout ?? '').split('\n').filter((uri) => uri !== '' && !uri.includes('security'));
  return uris[0] ?? 'https://deb.debian.org/debian';
}
