import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { serverAccount } from '../../src/demo/account.ts';
import { answers, Started, withFiles } from '../process.ts';

/** A peer's program on this machine. */
export interface Program {
  readonly file: string;
  /** E.g. `1.26.1`. */
  readonly version: string;
  /** A Debian root that it runs in; undefined: it runs as it is. */
  readonly root: string | undefined;
}

/** Where in such a root the peer's folder is seen. */
const MOUNTED = '/mnt';
const FOLDERS = ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin'];
/** Sockets that a proxy may have open: clients and servers. */
const FILES = 15_000;

/** In a mount namespace of its own: nothing stays mounted however the peer ends. Every step is an exec. */
const ENTER = [
  'set -e; root=$1 folder=$2 who=$3; shift 3',
  'mount --bind "$folder" "$root/mnt"',
  'mount --rbind /dev "$root/dev"',
  'mount -t proc proc "$root/proc"',
  'exec chroot --userspec="$who" "$root" "$@"',
].join('\n');

/** Where the root lies that `npm run tools` lays (bin/unstable.mjs says the same). */
export function unstableRoot(): string {
  return process.env['POINTSMAN_UNSTABLE'] || join(homedir(), '.cache', 'pointsman', 'unstable');
}

/** The program in the Debian root, else on the PATH; a text says in words why there is none. */
export function findProgram(name: string, versionArgs: readonly string[]): Program | string {
  const root = unstableRoot();
  const mayEnter = process.platform === 'linux' && process.getuid?.() === 0;
  const inside = FOLDERS.map((folder) => join(folder, name)).find((file) => isProgram(join(root, file)));
  if (inside !== undefined && mayEnter)
    return { file: inside, root, version: versionOf(['chroot', root, inside, ...versionArgs]) };
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const here = [...path, ...FOLDERS].map((folder) => join(folder, name)).find(isProgram);
  if (here !== undefined) return { file: here, root: undefined, version: versionOf([here, ...versionArgs]) };
  const hint = mayEnter ? '`npm run tools -- peers` installs what Debian has' : 'install it';
  return `${name} is neither in the Debian root nor on the PATH (${hint})`;
}

/** Some say it on the one stream, some on the other, some with an exit code that is not 0. */
function versionOf(command: readonly string[]): string {
  const said = execFileSync('/bin/sh', ['-c', '"$@" 2>&1 || true', 'sh', ...command], { encoding: 'latin1' });
  const line = said.split('\n').find((one) => /\d+\.\d+/.test(one)) ?? said;
  return (/\d+(?:\.\d+)+/.exec(line)?.[0] ?? line).trim();
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A folder of its own for a peer, writable for the account that it runs as. */
export interface Home {
  readonly folder: string;
  /** The same as the program sees it. */
  readonly inside: string;
}

/** Makes the folder `name` in `folder`. */
export async function makeHome({ root }: Program, folder: string, name: string): Promise<Home> {
  const home = join(folder, name);
  await mkdir(home);
  await chmod(home, 0o777);
  return { folder: home, inside: root === undefined ? home : MOUNTED };
}

/** Starts it with its configuration in `home`; resolves when it takes connections at `port`. */
export async function startPeer(
  { file, root }: Program,
  { name, home, args, port, endWith }: PeerStart,
): Promise<Started> {
  const account = await serverAccount();
  const who = account === undefined ? '' : `+${account.uid}:+${account.gid}`;
  const enter = ['unshare', '--mount', '/bin/sh', '-c', ENTER, 'enter', root ?? '', home.folder, who];
  const command = root === undefined ? [file, ...args] : [...enter, file, ...args];
  const started = new Started(
    name,
    withFiles(FILES, command),
    root === undefined ? account : undefined,
    endWith,
  );
  try {
    await started.ready(() => answers(port));
    return started;
  } catch (error) {
    await started.stop();
    throw error;
  }
}

export interface PeerStart {
  readonly name: string;
  readonly home: Home;
  readonly args: readonly string[];
  readonly port: number;
  /** SIGTERM if left out. */
  readonly endWith?: NodeJS.Signals;
}
