import type { SyncRequirement } from '../core/node.ts';

const none: SyncRequirement = { needed: 0, listed: 0 };

/**
 * Reads `synchronous_standby_names`: a list of names, `k (names)`, `FIRST k (names)` or `ANY k (names)`; `*` among
 * the names stands for all `replicas`. Source: PostgreSQL manual, "synchronous_standby_names".
 * What cannot be read counts as one standby of all replicas: the server would not have taken it.
 */
export function syncRequirement(names: string, replicas: number): SyncRequirement {
  const text = names.trim();
  if (text === '') return none;
  const counted = /^(?:(?:FIRST|ANY)\s*(?=[\s\d]))?(\d+)\s*\((.*)\)$/is.exec(text);
  const needed = counted?.[1] === undefined ? 1 : Number(counted[1]);
  const listed = standbyNames(counted?.[2] ?? text);
  if (listed === undefined) return { needed: Math.max(needed, 1), listed: replicas };
  return { needed, listed: listed.has('*') ? Math.max(replicas, listed.size - 1) : listed.size };
}

/** Names compare without regard to case. A quoted `"*"` is the same as a bare one to the server. */
function standbyNames(list: string): Set<string> | undefined {
  const names = new Set<string>();
  const item = /\s*(?:"((?:[^"]|"")*)"|([^\s",()]+))\s*(?:,|$)/y;
  while (item.lastIndex < list.length) {
    const match = item.exec(list);
    if (match === null) return undefined;
    names.add((match[1]?.replaceAll('""', '"') ?? match[2] ?? '').toLowerCase());
  }
  return names.size === 0 ? undefined : names;
}
