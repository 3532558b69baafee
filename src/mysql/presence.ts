import { createHash } from 'node:crypto';
import type { Row } from './control-connection.ts';
import { literalOf } from './quoting.ts';

/**
 * How proxies of one cluster see each other: the kept connection of each prober holds one of a few named locks on
 * every node. Locks of this kind belong to a connection, write nothing, make no GTID, and are never waited for here.
 */
const SLOTS = 4;

/** The names of a cluster's locks: the same for all its proxies. `applicationName`: `pointsman:<cluster>:<instance>`. */
export function slotNames(applicationName: string): readonly string[] {
  const cluster = applicationName.split(':').slice(0, 2).join(':');
  // Lock names are at most 64 characters long and do not tell case.
  const hash = createHash('sha256').update(cluster).digest('hex').slice(0, 24);
  return Array.from({ length: SLOTS }, (_, slot) => `pointsman.${hash}.${slot}`);
}

/** Columns `slot0`, `slot1`, …: the connections that hold the locks. */
export function slotColumns(names: readonly string[]): string {
  return names.map((name, slot) => `IS_USED_LOCK(${literalOf(name)}) AS slot${slot}`).join(', ');
}

/** The connections in those columns. */
export function holdersIn(row: Row): string[] {
  return Array.from({ length: SLOTS }, (_, slot) => row[`slot${slot}`]).filter(
    (id): id is string => typeof id === 'string',
  );
}

/** The first lock that nobody holds; undefined: all are held. */
export function freeSlot(row: Row, names: readonly string[]): string | undefined {
  return names.find((_, slot) => row[`slot${slot}`] === null);
}

export const takeSlot = (name: string): string => `SELECT GET_LOCK(${literalOf(name)}, 0) AS taken`;
