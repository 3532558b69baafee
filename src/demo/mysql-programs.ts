import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { ProxyError } from '../core/errors.ts';

export type Flavour = 'mysql' | 'mariadb';

/** Where a flavour's programs are: full paths as the started process sees them. */
export interface MysqlPrograms {
  readonly flavour: Flavour;
  readonly server: string;
  /** A root of another system that the server runs in (chroot); undefined: it runs as it is. */
  readonly root: string | undefined;
  /** MariaDB only: makes a data folder. */
  readonly install: string | undefined;
  /** MariaDB only: copies a running server's data. Without it a node whose history is another cannot rejoin. */
  readonly backup: string | undefined;
}

const SBIN = ['/usr/sbin', '/usr/local/sbin', '/usr/local/mysql/bin', '/opt/homebrew/bin'];

/** Where the project's script lays a root of Debian unstable (bin/unstable.mjs says the same). */
function unstableRoot(): string {
  const told = process.env['POINTSMAN_UNSTABLE'];
  return told !== undefined && told !== '' ? told : join(homedir(), '.cache', 'pointsman', 'unstable');
}

/**
 * The programs of MySQL or MariaDB on this machine; undefined if there are none. MySQL: an Oracle `mysqld` on
 * the PATH (MariaDB's has the same name), else as root the one in the root of Debian unstable.
 */
export function findPrograms(flavour: Flavour): MysqlPrograms | undefined {
  return flavour === 'mysql' ? findMysql() : findMariadb();
}

/** As `findPrograms`. Throws ProxyError('UNSUPPORTED') that says what to install. */
export function requirePrograms(flavour: Flavour): MysqlPrograms {
  const found = findPrograms(flavour);
  if (found !== undefined) return found;
  throw new ProxyError('UNSUPPORTED', { side: 'proxy', retry: 'no', tell: MISSING[flavour] });
}

const MISSING: Readonly<Record<Flavour, string>> = {
  mysql: [
    'there is no MySQL server on this machine: mysqld of MySQL 8.0.26 or newer is not on the PATH (MariaDB is another server).',
    'Install it (https://dev.mysql.com/downloads/mysql, or brew install mysql) so that `mysqld --version` answers;',
    `or, as root on Debian from a clone, run: npm run tools (lays Debian unstable's MySQL in ${'$'}HOME/.cache/pointsman/unstable, nothing else changes)`,
  ].join('\n'),
  mariadb: [
    'there is no MariaDB server on this machine: mariadbd and mariadb-install-db of MariaDB 10.6 or newer are not on the PATH.',
    'Install them: apt-get install mariadb-server-core mariadb-client-core mariadb-backup (no service is started by these), or brew install mariadb',
  ].join('\n'),
};

function findMysql(): MysqlPrograms | undefined {
  const installed = onPath('mysqld', isOracles);
  const here = { flavour: 'mysql', install: undefined, backup: undefined } as const;
  if (installed !== undefined) return { ...here, server: installed, root: undefined };
  const root = unstableRoot();
  const inside = '/usr/sbin/mysqld';
  const mayEnter = process.platform === 'linux' && process.getuid?.() === 0;
  return mayEnter && isProgram(join(root, inside)) ? { ...here, server: inside, root } : undefined;
}

function findMariadb(): MysqlPrograms | undefined {
  const server = onPath('mariadbd');
  const install = onPath('mariadb-install-db');
  if (server === undefined || install === undefined) return undefined;
  return { flavour: 'mariadb', server, install, backup: onPath('mariadb-backup'), root: undefined };
}

/** Debian calls MariaDB's server mysqld as well. */
function isOracles(path: string): boolean {
  const { stdout, status } = spawnSync(path, ['--no-defaults', '--version'], { encoding: 'utf8' });
  return status === 0 && !stdout.includes('MariaDB');
}

function onPath(name: string, fits: (path: string) => boolean = () => true): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...folders, ...SBIN]
    .map((folder) => join(folder, name))
    .find((path) => isProgram(path) && fits(path));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
