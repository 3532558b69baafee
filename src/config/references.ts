import { nearest } from './nearest.ts';

/** Where references get their values. Both throw or give undefined for what is not there. */
export interface ReferenceSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The content of a file; relative names are the caller's to resolve. */
  readonly readFile: (path: string) => string;
}

export type Path = readonly (string | number)[];

export interface Resolved {
  readonly value: unknown;
  /** Whole texts that came from a reference where a secret may stand: hidden by `redacted`. */
  readonly secrets: ReadonlySet<string>;
  /** What could not be resolved. */
  readonly problems: readonly Problem[];
}

/** Something wrong at a place in the configuration. */
export interface Problem {
  readonly path: Path;
  /** The key of the mapping at `path` that is at fault, rather than a value. */
  readonly key?: string;
  readonly message: string;
}

const REFERENCE = /\$?\$\{([^}]*)\}?/g;
const SCHEMES = ['env', 'file'];
/** Keys whose values are shown to operators wherever the thing itself is. */
const SHOWN = new Set(['name', 'host', 'port', 'user', 'database', 'engine', 'method', 'mode', 'level']);

/** Replaces `${env:NAME}` and `${file:path}` in all texts; `$${` stands for a plain `${`. */
export function resolveReferences(input: unknown, sources: ReferenceSources): Resolved {
  const secrets = new Set<string>();
  const problems: Problem[] = [];

  const walk = (value: unknown, path: Path): unknown => {
    if (typeof value === 'string') return resolveText(value, path);
    if (Array.isArray(value)) return value.map((item, index) => walk(item, [...path, index]));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item, [...path, key])]));
  };

  const resolveText = (text: string, path: Path): string => {
    if (!text.includes('${')) return text;
    let referred = false;
    const resolved = text.replaceAll(REFERENCE, (whole: string, inner: string) => {
      if (whole.startsWith('$$')) return whole.slice(1);
      referred = true;
      try {
        return lookUp(whole, inner, sources);
      } catch (error) {
        problems.push({ path, message: error instanceof Error ? error.message : String(error) });
        return '';
      }
    });
    if (referred && !SHOWN.has(String(path.at(-1)))) secrets.add(resolved);
    return resolved;
  };

  return { value: walk(input, []), secrets, problems };
}

function lookUp(whole: string, inner: string, sources: ReferenceSources): string {
  const [, scheme = '', name = ''] = /^([^:]*):(.*)$/.exec(inner) ?? [];
  if (!whole.endsWith('}')) throw new Error(`a reference that begins with \${ does not end with }`);
  if (name === '' || !SCHEMES.includes(scheme)) throw new Error(unknownReference(whole, inner, scheme));
  if (scheme === 'env') return environment(name, sources.env);
  try {
    return sources.readFile(name).replace(/\r?\n$/, '');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'not readable';
    throw new Error(`the file ${name}, named by ${whole}, cannot be read (${code})`);
  }
}

function environment(name: string, env: ReferenceSources['env']): string {
  const value = env[name];
  if (value !== undefined) return value;
  throw new Error(`the environment variable ${name} is not set; set it, or write the value here`);
}

function unknownReference(whole: string, inner: string, scheme: string): string {
  const meant = nearest(scheme, SCHEMES);
  const hint = scheme === '' ? `did you mean \${env:${inner}}?` : meant ? `did you mean ${meant}:?` : '';
  return `${whole} is not a reference: use \${env:NAME} or \${file:path}, and $\${ for a plain \${${hint === '' ? '' : `; ${hint}`}`;
}
