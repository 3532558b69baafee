import type { Endpoint } from '../core/node.ts';
import { hash } from './application-name.ts';

/** What a replica connects to its primary with, in libpq's words. Holds a password: never log it. */
export type Conninfo = ReadonlyMap<string, string>;

export interface Upstream {
  readonly endpoint: Endpoint;
  readonly user: string;
  /** undefined: the one that is set already, if any, stays. */
  readonly password: string | undefined;
  /** Names the replica to the primary, for `synchronous_standby_names`. */
  readonly applicationName: string;
}

/** Points a replica at another primary; what else was set (TLS, keepalives, dbname) stays as it was. */
export function pointedAt(current: string, to: Upstream): string {
  const next = new Map(parseConninfo(current));
  const sameUser = next.get('user') === to.user;
  for (const key of ['host', 'hostaddr', 'port', 'user', 'application_name', 'service']) next.delete(key);
  if (to.password !== undefined || !sameUser) next.delete('password');
  next.set('host', to.endpoint.host);
  next.set('port', String(to.endpoint.port));
  next.set('user', to.user);
  if (to.password !== undefined) next.set('password', to.password);
  next.set('application_name', to.applicationName);
  return [...next].map(([key, value]) => `${key}=${quoted(value)}`).join(' ');
}

/** libpq 34.1.1.1: single quotes around a value, backslash before a quote or a backslash. */
const quoted = (value: string): string => `'${value.replace(/[\\']/g, '\\$&')}'`;

/** Reads `key = value …` or a `postgresql://` URI; what follows a mistake is left out. */
export function parseConninfo(text: string): Conninfo {
  return /^postgres(ql)?:\/\//.test(text) ? parametersOf(text) : pairsOf(text);
}

function pairsOf(text: string): Conninfo {
  const pairs = new Map<string, string>();
  const pair = /\s*([A-Za-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)/sy;
  for (let match = pair.exec(text); match !== null; match = pair.exec(text)) {
    const value = match[2] ?? match[3] ?? '';
    if (match[1] !== undefined) pairs.set(match[1], value.replace(/\\(.)/gs, '$1'));
  }
  return pairs;
}

/** Only the parameters: host, port, user and database of a URI are replaced or not needed for streaming. */
function parametersOf(text: string): Conninfo {
  const [, query = ''] = text.split('?', 2);
  return new Map(new URLSearchParams(query));
}

/**
 * The physical slot that keeps WAL for a replica. Slot names are of lower-case letters, digits and `_` (PostgreSQL
 * manual, "Replication Slots"); a name that has other characters than those and `-` gets a hash, to stay unique.
 */
export function slotName(node: string): string {
  const plain = node.replaceAll('-', '_');
  if (/^[a-z0-9-]{1,40}$/.test(node)) return `pointsman_${plain}`;
  return `pointsman_${plain
    .toLowerCase()
    .replace(/[^a-z0-9_]/g, '_')
    .slice(0, 40)}_${hash(node)}`;
}
