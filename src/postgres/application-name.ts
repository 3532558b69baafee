/**
 * `pointsman:<cluster>:<instance>` as a server keeps it: printable ASCII, at most 63 bytes (NAMEDATALEN - 1).
 * Longer parts end on a hash of the whole part, so that two instances never look alike.
 */
export interface ShownName {
  readonly name: string;
  /** What the names of all proxies of this cluster begin with. */
  readonly prefix: string;
}

const CLUSTER_BYTES = 24;
const INSTANCE_BYTES = 28;

export function shownName(applicationName: string): ShownName {
  const [product = '', cluster, ...instance] = applicationName.split(':');
  if (cluster === undefined)
    return { name: fitted(applicationName, 62), prefix: `${fitted(applicationName, 62)}:` };
  const prefix = `${fitted(product, 9)}:${fitted(cluster, CLUSTER_BYTES)}:`;
  return { name: prefix + fitted(instance.join(':'), INSTANCE_BYTES), prefix };
}

/** The account behind a connection counts too: any client may call itself like a proxy. */
export const OWN_KIND = 'usename = session_user AND starts_with(application_name, $1)';

function fitted(part: string, bytes: number): string {
  const ascii = part.replace(/[^\x20-\x7e]/g, '?');
  if (ascii === part && part.length <= bytes) return part;
  return `${ascii.slice(0, bytes - 9)}~${hash(part)}`;
}

/** FNV-1a, 32 bits: tells names apart, protects nothing. */
export function hash(text: string): string {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return (value >>> 0).toString(16).padStart(8, '0');
}
