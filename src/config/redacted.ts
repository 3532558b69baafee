import type { Config } from './types.ts';

const HIDDEN = '[hidden]';
const secretsOf = new WeakMap<Config, ReadonlySet<string>>();

/** Keeps which texts of a configuration came from references. */
export function remember(config: Config, secrets: ReadonlySet<string>): void {
  secretsOf.set(config, secrets);
}

/** The configuration for logs and the admin API: no password, nothing that came from a reference. */
export function redacted(config: Config): unknown {
  return hide(config, secretsOf.get(config) ?? new Set());
}

function hide(value: unknown, secrets: ReadonlySet<string>): unknown {
  if (typeof value === 'string') return secrets.has(value) ? HIDDEN : value;
  if (Array.isArray(value)) return value.map((item) => hide(item, secrets));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      key === 'password' && item !== undefined ? HIDDEN : hide(item, secrets),
    ]),
  );
}
