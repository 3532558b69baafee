import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs that tests may need. `npm test` looks for them, installs what it can, and passes their paths. */
export type Tool = 'psql' | 'pgbench' | 'pgbouncer';

/** For a test's `skip` option: false if the tool is at hand, else the reason in words. */
export function need(tool: Tool): string | false {
  return findTool(tool) === undefined ? `${tool} is not installed on this machine` : false;
}

/** The full path of a tool. Throws if it is not at hand: `need` comes first. */
export function pathOf(tool: Tool): string {
  const path = findTool(tool);
  if (path === undefined) throw new Error(`${tool} is not installed; skip the test with need('${tool}')`);
  return path;
}

function findTool(tool: Tool): string | undefined {
  const told = process.env[`POINTSMAN_${tool.toUpperCase()}`];
  if (told !== undefined) return told === '' ? undefined : told;
  return folders()
    .map((folder) => join(folder, tool))
    .find(isProgram);
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
