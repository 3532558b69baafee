import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { installPackages } from './apt.mjs';
import { provideMysql } from './unstable.mjs';

/**
 * What some tests need beside the npm packages, by name: the Debian package of each, and the programs (one is
 * enough) or the files by which it is recognised. test/support/need.ts reads the same table.
 */
const TOOLS = JSON.parse(readFileSync(new URL('tools.json', import.meta.url), 'utf8'));
const VERSIONS = '/usr/lib/postgresql';

/**
 * Finds the tools and installs what is missing, as root on Debian and its kin. Says in plain words what
 * remains missing. Gives the environment for the tests: POINTSMAN_PSQL and so on, '' where there is none.
 */
export function provideTools() {
  let missing = missingTools();
  const packages = [...new Set(missing.map((tool) => TOOLS[tool].package))];
  const failure =
    missing.length === 0 ? undefined : installPackages(packages, `tests that need ${missing.join(', ')}`);
  missing = missingTools();
  for (const tool of missing) tellSkipped(tool, failure ?? 'its package does not carry it');
  const mysql = provideMysql();
  if (mysql.failure !== undefined) tellSkipped('mysqld', mysql.failure);
  const found = Object.keys(TOOLS).map((tool) => [variableOf(tool), findTool(tool) ?? '']);
  return { ...Object.fromEntries(found), POINTSMAN_UNSTABLE: mysql.root };
}

function missingTools() {
  return Object.keys(TOOLS).filter((tool) => findTool(tool) === undefined);
}

function tellSkipped(tool, reason) {
  console.log(`${tool} is missing: the tests that need it are skipped (${reason}).`);
}

function variableOf(tool) {
  return `POINTSMAN_${tool.toUpperCase().replaceAll('-', '_')}`;
}

/** A file where it must be; a program on the PATH, or where Debian keeps PostgreSQL's own, the newest first. */
function findTool(tool) {
  const { programs = [], files = [] } = TOOLS[tool];
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a)) : [];
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const folders = [...path, '/usr/sbin', ...versions.map((version) => join(VERSIONS, version, 'bin'))];
  const candidates = programs.flatMap((program) => folders.map((folder) => join(folder, program)));
  return candidates.find(isProgram) ?? files.find((file) => existsSync(file));
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
