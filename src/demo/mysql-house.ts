import type { Account } from './account.ts';
import type { MysqlPrograms } from './mysql-programs.ts';
import type { Launch } from './run.ts';

/** Where a cluster's folder is seen inside of a root. */
const MOUNTED = '/mnt';

/**
 * Enters a root with the cluster's folder in it, in a mount namespace that ends with the process: no mount is
 * left behind however it ends. Every step is an exec, so the process id is the server's.
 */
const ENTER = [
  'set -e; root=$1 folder=$2 who=$3; shift 3',
  'mount --bind "$folder" "$root/mnt"',
  'mount --rbind /dev "$root/dev"',
  'mount -t proc proc "$root/proc"',
  'exec chroot --userspec="$who" "$root" "$@"',
].join('\n');

/** How the programs of a cluster are started: as they are, or inside of a root of another system. */
export interface House {
  readonly programs: MysqlPrograms;
  /** A start of `program`, a path as the programs see it. */
  launch(program: string, args: readonly string[]): Launch;
  /** The path of something in the cluster's folder as the programs see it. */
  inside(path: string): string;
}

export function houseOf(programs: MysqlPrograms, folder: string, account: Account | undefined): House {
  const { root } = programs;
  if (root === undefined || account === undefined)
    return {
      programs,
      launch: (file, args) => ({ file, args, runsAs: account }),
      inside: (path) => path,
    };
  // By number: the account of that name may be another inside.
  const who = `+${account.uid}:+${account.gid}`;
  return {
    programs,
    launch: (program, args) => ({
      file: 'unshare',
      args: ['--mount', '/bin/sh', '-c', ENTER, 'enter', root, folder, who, program, ...args],
      runsAs: undefined,
    }),
    inside: (path) => path.replace(folder, MOUNTED),
  };
}
