import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { ProxyError } from '../core/errors.ts';
import { buildConfig } from './build.ts';
import { crossCheck } from './checks.ts';
import { problemsOf } from './issues.ts';
import { remember } from './redacted.ts';
import { type Path, type ReferenceSources, resolveReferences } from './references.ts';
import { schema } from './schema.ts';
import { type Place, readSource, type Source } from './source.ts';
import type { Config } from './types.ts';

export { redacted } from './redacted.ts';
export type * from './types.ts';

/** The configuration as it may be written, e.g. by a command that makes one in memory. */
export type ConfigInput = z.input<typeof schema>;

export interface ParseOptions {
  /** Named in errors; relative file names are taken from its folder. */
  readonly file: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Reads, resolves and checks a configuration file. Rejects with ProxyError('CONFIG') that lists all errors. */
export async function loadConfig(path: string, env: ParseOptions['env'] = process.env): Promise<Config> {
  const file = resolve(path);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    throw refusal(`cannot read the configuration file ${path}${code}; name an existing file with -c`);
  }
  return parseConfig(text, { file, env });
}

/** Parses a configuration's text. Throws ProxyError('CONFIG') with file:line:column of every error. */
export function parseConfig(text: string, options: ParseOptions): Config {
  const source = readSource(text);
  if (source.problems.length > 0) {
    throw listed(
      options.file,
      source.problems.map((problem) => ({ ...problem, path: [] })),
    );
  }
  return assemble(source.value, options, source);
}

/** A configuration made in memory goes through the same checks. Throws ProxyError('CONFIG'). */
export function configOf(input: ConfigInput, options: ParseOptions): Config {
  return assemble(input, options, undefined);
}

function assemble(input: unknown, options: ParseOptions, source: Source | undefined): Config {
  const resolved = resolveReferences(input, sourcesOf(options));
  const parsed = schema.safeParse(resolved.value);
  const broken = new Set(resolved.problems.map(({ path }) => path.join('.')));
  // A reference that failed left an empty value behind: that is not a second error.
  const problems = [
    ...resolved.problems,
    ...(parsed.success ? crossCheck(parsed.data) : problemsOf(parsed.error, schema)).filter(
      ({ path }) => !broken.has(path.join('.')),
    ),
  ];
  if (!parsed.success || problems.length > 0) {
    throw listed(
      options.file,
      problems.map((problem) => ({ ...problem, ...source?.locate(problem) })),
    );
  }
  const config = buildConfig(parsed.data, options.file);
  remember(config, resolved.secrets);
  return config;
}

function sourcesOf({ file, env }: ParseOptions): ReferenceSources {
  return { env, readFile: (path) => readFileSync(resolve(dirname(file), path), 'utf8') };
}

type Listed = { readonly path: Path; readonly message: string } & Partial<Place>;

function listed(file: string, problems: readonly Listed[]): ProxyError {
  const sorted = problems.toSorted(
    (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
  );
  const lines = sorted.map((problem) => {
    const place = problem.line === undefined ? file : `${file}:${problem.line}:${problem.column}`;
    const path = written(problem.path);
    return `${place}: ${path === '' ? '' : `${path}: `}${problem.message}`;
  });
  const count = lines.length === 1 ? 'an error' : `${lines.length} errors`;
  return refusal(`the configuration has ${count}:\n${lines.map((line) => `  ${line}`).join('\n')}`);
}

/** `clusters[0].pool.size` */
function written(path: Path): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('');
}

function refusal(tell: string): ProxyError {
  return new ProxyError('CONFIG', { side: 'proxy', retry: 'no', tell });
}
