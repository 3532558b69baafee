import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { findPrograms } from '../../src/demo/mysql-programs.ts';

/** What is looked for as a program or a file: bin/tools.json, which `npm test` provides and passes on. */
type Listed =
  | 'psql'
  | 'pgbench'
  | 'pgbouncer'
  | 'sysbench'
  | 'mysql'
  | 'mysqldump'
  | 'go'
  | 'java'
  | 'javac'
  | 'pymysql'
  | 'mysqlclient'
  | 'sqlalchemy'
  | 'go-sql-driver'
  | 'jdbc';

/** What tests may need: tools and drivers, and the servers of src/demo. */
export type Tool = Listed | 'mysqld' | 'mariadbd';

interface Entry {
  readonly package: string;
  readonly programs?: readonly string[];
  readonly files?: readonly string[];
}

const LIST = new URL('../../bin/tools.json', import.meta.url);
const TOOLS = JSON.parse(readFileSync(LIST, 'utf8')) as Readonly<Record<Listed, Entry>>;

/** For a test's `skip` option: false if the tool is at hand, else the reason in words. */
export function need(tool: Tool): string | false {
  return findTool(tool) === undefined ? `${tool} is not installed on this machine` : false;
}

/** The full path of a program, or of the file that a driver is. Throws if it is not at hand: `need` comes first. */
export function pathOf(tool: Tool): string {
  const path = findTool(tool);
  if (path === undefined) throw new Error(`${tool} is not installed; skip the test with need('${tool}')`);
  return path;
}

function findTool(tool: Tool): string | undefined {
  if (tool === 'mysqld') return findPrograms('mysql')?.server;
  if (tool === 'mariadbd') return findPrograms('mariadb')?.server;
  const told = process.env[`POINTSMAN_${tool.toUpperCase().replaceAll('-', '_')}`];
  if (told !== undefined) return told === '' ? undefined : told;
  const { programs = [], files = [] } = TOOLS[tool];
  const candidates = programs.flatMap((program) => folders().map((folder) => join(folder, program)));
  return candidates.find(isProgram) ?? files.find((file) => existsSync(file));
}

/** Debian keeps the programs of each PostgreSQL version in a folder of its own, pgbouncer in sbin. */
function folders(): string[] {
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...path, '/usr/sbin', ...versionFolders()];
}

function versionFolders(): string[] {
  const root = '/usr/lib/postgresql';
  try {
    return readdirSync(root).map((version) => join(root, version, 'bin'));
  } catch {
    return [];
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
