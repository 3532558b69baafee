import {
  chown,
  constants,
  copyFile,
  lchown,
  link,
  mkdir,
  open,
  readdir,
  readlink,
  stat,
  symlink,
} from 'node:fs/promises';
import { join } from 'node:path';
import type { Account } from './account.ts';

export interface CopyOptions {
  /** Who owns the copy; undefined: this process's account. */
  readonly owner: Account | undefined;
  /** True for what stays behind; `path` is relative to the copied folder. */
  readonly skip?: (path: string) => boolean;
  /** Hard links instead of copies, where both sides are on one file system and anybody may read the file. */
  readonly link?: boolean;
  /** The files are being written to: what vanishes is left out, what shrinks is copied as it is. */
  readonly live?: boolean;
}

const CHUNK = 1 << 20;
const ANYBODY_READS = 0o004;

/** Copies a folder to a path that does not exist yet, modes included. Rejects with the system's error. */
export async function copyTree(from: string, to: string, options: CopyOptions): Promise<void> {
  await copyFolder(from, to, '', options);
}

async function copyFolder(from: string, to: string, path: string, options: CopyOptions): Promise<void> {
  const source = join(from, path);
  const target = join(to, path);
  const entries = await readdir(source, { withFileTypes: true });
  await mkdir(target, { mode: (await stat(source)).mode & 0o7777 });
  if (options.owner !== undefined) await chown(target, options.owner.uid, options.owner.gid);
  for (const entry of entries) {
    const child = join(path, entry.name);
    if (options.skip?.(child) === true) continue;
    try {
      if (entry.isDirectory()) await copyFolder(from, to, child, options);
      else if (entry.isSymbolicLink()) await copySymlink(join(from, child), join(to, child), options);
      else if (entry.isFile()) await copyOne(join(from, child), join(to, child), options);
    } catch (error) {
      if (!(options.live === true && (error as NodeJS.ErrnoException).code === 'ENOENT')) throw error;
    }
  }
}

async function copySymlink(from: string, to: string, options: CopyOptions): Promise<void> {
  await symlink(await readlink(from), to);
  if (options.owner !== undefined) await lchown(to, options.owner.uid, options.owner.gid);
}

async function copyOne(from: string, to: string, options: CopyOptions): Promise<void> {
  if (options.link === true && (await linked(from, to))) return;
  if (options.live === true) await copyLive(from, to);
  else await copyFile(from, to, constants.COPYFILE_FICLONE);
  if (options.owner !== undefined) await chown(to, options.owner.uid, options.owner.gid);
}

async function linked(from: string, to: string): Promise<boolean> {
  if (((await stat(from)).mode & ANYBODY_READS) === 0) return false;
  return link(from, to).then(
    () => true,
    () => false,
  );
}

/** By reads until the end: a copy by size never ends on a file that is truncated meanwhile. */
async function copyLive(from: string, to: string): Promise<void> {
  await using source = await open(from, 'r');
  const { mode, size } = await source.stat();
  await using target = await open(to, 'wx', mode & 0o7777);
  const chunk = Buffer.allocUnsafe(Math.max(1, Math.min(CHUNK, size)));
  for (let copied = 0; copied < size; ) {
    const { bytesRead } = await source.read(chunk, 0, chunk.length, copied);
    if (bytesRead === 0) return;
    await target.write(chunk, 0, bytesRead);
    copied += bytesRead;
  }
}
