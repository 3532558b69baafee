import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, test } from 'node:test';
import { readSource, readSources, type SourceFile } from './support/imports.ts';

/** Who may import whom, types too. A folder may always import itself. `*`: all. */
const MAY_IMPORT: Readonly<Record<string, readonly string[] | '*'>> = {
  core: [],
  net: ['core'],
  routing: ['core'],
  hold: ['core'],
  topology: ['core'],
  failover: ['core'],
  pool: ['core', 'net'],
  session: ['core', 'net', 'routing', 'pool', 'hold'],
  postgres: ['core', 'net'],
  mysql: ['core', 'net'],
  coordination: ['core'],
  metrics: ['core'],
  log: ['core'],
  config: ['core'],
  workers: ['core'],
  admin: ['core', 'metrics'],
  demo: '*',
  commands: '*',
  // The composition root and its parts.
  'main.ts': '*',
  'app.ts': '*',
  'cluster.ts': '*',
  'front.ts': '*',
  'posting.ts': '*',
  'staff.ts': '*',
  'worker.ts': '*',
  'targets.ts': ['core', 'config', 'net'],
  'lanes.ts': ['core', 'config'],
  'plane.ts': ['core', 'topology', 'failover'],
  'engines.ts': ['core', 'postgres', 'mysql'],
  'hook.ts': ['core', 'failover'],
  'clock.ts': ['core'],
  'version.ts': [],
};

const ENGINES = ['postgres', 'mysql'];
/** Only these know an engine by name. */
const KNOW_ENGINES = ['engines.ts', 'demo', 'commands'];

/** Each package has one home. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  fastify: ['admin'],
  'generic-pool': ['pool'],
  pg: ['postgres', 'demo'],
  mysql2: ['mysql'],
  'mysql2/promise': ['demo'],
  'pg-protocol': ['postgres'],
  pino: ['log'],
  'prom-client': ['metrics'],
  yaml: ['config'],
  zod: ['config'],
};

/** The files of otherwise pure folders that may keep timers, read files and hold sockets. */
const SHELLS = ['topology/monitor.ts', 'topology/store.ts', 'failover/runner.ts', 'failover/journal.ts'];
const PURE_FOLDERS = ['core', 'routing', 'topology', 'failover'];
/** Of a session, the files that decide. */
const PURE_SESSION_FILES = ['causality', 'loss', 'pins', 'transaction'];
/** The files of an engine that decide and do nothing: they see core only. */
const PURE_ENGINE_FILES = [
  'tokens',
  'digest',
  'classify',
  'statements',
  'functions',
  'hints',
  'setting',
  'catalogue',
  'builtins',
  'position',
];
const IMPURE = new Set([
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'Date',
  'performance',
  'process',
  'crypto',
  'fetch',
  'globalThis',
  'Math.random',
]);

/** What belongs to one protocol or server, and to no shared code. */
const PROTOCOL_WORDS =
  /\b(?:postgres\w*|pg_\w+|psql|pgwire|libpq|sqlstate|lsns?|timelines?|wal|wal_?(?:sender|receiver)s?|scram|mysql\w*|mariadb\w*|gtids?|binlogs?|25006|40001|57P0\d|42P01|53300|28P01|3D000)\b/i;
const NEUTRAL = [
  'session',
  'pool',
  'hold',
  'routing',
  'topology',
  'failover',
  'metrics',
  'admin',
  'log',
  'coordination',
  'workers',
];

const folderOf = (path: string): string => path.split('/')[0] ?? path;

const isPure = (path: string): boolean => {
  const folder = folderOf(path);
  if (SHELLS.includes(path)) return false;
  if (folder === 'session') return PURE_SESSION_FILES.includes(posix.basename(path, '.ts'));
  if (ENGINES.includes(folder)) return PURE_ENGINE_FILES.includes(posix.basename(path, '.ts'));
  return PURE_FOLDERS.includes(folder);
};

/** All that a file does against the table, in words. */
function violations(file: SourceFile): string[] {
  return [...file.imports.flatMap((name) => badImport(file.path, name)), ...impurities(file)];
}

function badImport(path: string, name: string): string[] {
  const folder = folderOf(path);
  if (name === 'computed' || name === 'require') return [`${path}: a computed import or require`];
  if (name.startsWith('node:')) return isPure(path) ? [`${path}: imports ${name}, but must be pure`] : [];
  if (!name.startsWith('.')) {
    const homes = PACKAGES[name] ?? [];
    return homes.includes(folder) ? [] : [`${path}: imports ${name}, which belongs to ${homes.join(', ')}`];
  }
  const file = posix.join(posix.dirname(path), name);
  const target = folderOf(file);
  const stained = isPure(path) && !isPure(file) ? [`${path}: imports ${file}, but must be pure`] : [];
  if (target === folder) return ENGINES.includes(folder) ? [] : stained;
  const allowed = MAY_IMPORT[folder];
  if (allowed === undefined) return [`${path}: the folder ${folder} is not in the table`];
  if (ENGINES.includes(target) && !KNOW_ENGINES.includes(folder))
    return [`${path}: knows the engine ${target}`];
  return allowed === '*' || allowed.includes(target) ? stained : [`${path}: imports ${target}`];
}

function impurities({ path, globals }: SourceFile): string[] {
  if (!isPure(path)) return [];
  return globals.filter((name) => IMPURE.has(name)).map((name) => `${path}: uses ${name}, but must be pure`);
}

function protocolWords({ path, text }: SourceFile): string[] {
  if (!NEUTRAL.includes(folderOf(path))) return [];
  return text.split('\n').flatMap((line, index) => {
    const word = PROTOCOL_WORDS.exec(line)?.[0];
    return word === undefined ? [] : [`${path}:${index + 1}: says ${word}`];
  });
}

const sources = readSources('src');

describe('the architecture of src', () => {
  test('all files are seen', () => {
    const names = readdirSync('src', { recursive: true, encoding: 'utf8' });
    assert.equal(sources.length, names.filter((name) => name.endsWith('.ts')).length);
    assert.ok(sources.length >= 120, `only ${sources.length} files were seen`);
    const imports = sources.flatMap((source) => source.imports);
    assert.ok(imports.length >= 400, `only ${imports.length} imports were seen`);
  });

  test('every folder is in the table', () => {
    const folders = new Set(sources.map(({ path }) => folderOf(path)));
    assert.deepEqual(
      [...folders].filter((folder) => !(folder in MAY_IMPORT)),
      [],
    );
  });

  test('nobody imports what the table forbids, and pure files stay pure', () => {
    assert.deepEqual(sources.flatMap(violations), []);
  });

  test('shared code has no word of a protocol', () => {
    assert.deepEqual(sources.flatMap(protocolWords), []);
  });
});

describe('the table can be broken', () => {
  const rows: [path: string, text: string, expected: RegExp][] = [
    ['core/x.ts', `import type { A } from '../net/dial.ts';`, /core\/x\.ts: imports net/],
    ['core/x.ts', `import { readFile } from 'node:fs';`, /imports node:fs, but must be pure/],
    ['pool/x.ts', `export * from '../session/session.ts';`, /pool\/x\.ts: imports session/],
    ['pool/x.ts', `type A = import('../postgres/wire.ts').A;`, /knows the engine postgres/],
    ['session/x.ts', `const a = await import('../postgres/wire.ts');`, /knows the engine postgres/],
    ['session/x.ts', `const a = await import(name);`, /computed/],
    ['session/x.ts', `const a = require('x');`, /computed/],
    ['app.ts', `import { postgres } from './postgres/engine.ts';`, /knows the engine postgres/],
    ['mysql/x.ts', `import { a } from '../postgres/wire.ts';`, /knows the engine postgres/],
    ['postgres/position.ts', `import { Socket } from 'node:net';`, /must be pure/],
    ['postgres/wire.ts', `import pino from 'pino';`, /imports pino, which belongs to log/],
    ['failover/machine.ts', 'setTimeout(() => {}, 1);', /uses setTimeout/],
    ['failover/machine.ts', 'const at = Date.now();', /uses Date/],
    ['failover/machine.ts', `import { run } from './runner.ts';`, /imports failover\/runner\.ts, but/],
    ['routing/x.ts', 'const share = Math.random();', /uses Math\.random/],
    ['topology/reduce.ts', 'const a = performance.now();', /uses performance/],
    ['nowhere/x.ts', `import { a } from '../core/node.ts';`, /nowhere is not in the table/],
  ];
  for (const [path, text, expected] of rows) {
    test(`${path}: ${text}`, () => assert.match(violations(readSource(path, text)).join('\n'), expected));
  }

  test('what only looks like a breach is none', () => {
    const text = `
      import type { A } from '../core/node.ts';
      // setTimeout is not called here, and 'node:fs' is not imported.
      export const a = { Date: 1, process: 2 }.Date + b.performance;
      export interface C { fetch(): void; Date: string }
    `;
    assert.deepEqual(violations(readSource('routing/x.ts', text)), []);
    assert.deepEqual(
      violations(readSource('engines.ts', `import { postgres } from './postgres/engine.ts';`)),
      [],
    );
  });

  for (const line of [
    '// as PostgreSQL does',
    'pg_is_in_recovery()',
    `if (code === '25006')`,
    'compare LSNs',
  ]) {
    test(`a word of a protocol is found: ${line}`, () => {
      assert.equal(protocolWords(readSource('pool/x.ts', `\n/* ${line} */`)).length, 1);
      assert.equal(protocolWords(readSource('postgres/x.ts', `\n/* ${line} */`)).length, 0);
    });
  }
});
