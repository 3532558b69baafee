import type { SyncRequirement } from '../core/node.ts';
import type { Row } from './control-connection.ts';

/**
 * Semi-synchronous replication: the names under which a server knows it. MySQL's is a plugin, since 8.0.26 with
 * newer names; MariaDB has it built in, with the older ones, and always waits for one replica.
 */
export interface SemiSync {
  /** `rpl_semi_sync_source` or `rpl_semi_sync_master`; undefined: this server cannot be waited with. */
  readonly source: string | undefined;
  readonly replica: string | undefined;
  /** Names of its settings: how many replicas, and whether it waits without any. */
  readonly count: string | undefined;
  readonly waitsAlone: string | undefined;
}

export const SEMI_SYNC_QUERY = "SHOW GLOBAL VARIABLES LIKE 'rpl\\_semi\\_sync\\_%'";

export function semiSyncIn(rows: readonly Row[]): SemiSync {
  const names = new Set(rows.map((row) => row['Variable_name'] ?? ''));
  const has = (...candidates: readonly string[]): string | undefined =>
    candidates.find((name) => names.has(name));
  const stem = (name: string | undefined): string | undefined => name?.slice(0, -'_enabled'.length);
  return {
    source: stem(has('rpl_semi_sync_source_enabled', 'rpl_semi_sync_master_enabled')),
    replica: stem(has('rpl_semi_sync_replica_enabled', 'rpl_semi_sync_slave_enabled')),
    count: has('rpl_semi_sync_source_wait_for_replica_count', 'rpl_semi_sync_master_wait_for_slave_count'),
    waitsAlone: has('rpl_semi_sync_source_wait_no_replica', 'rpl_semi_sync_master_wait_no_slave'),
  };
}

/** Columns of an observation that `waitsIn` reads. */
export function semiSyncColumns({ source, count, waitsAlone }: SemiSync): string {
  if (source === undefined) return '0 AS semi';
  const of = (name: string | undefined): string => (name === undefined ? '1' : `@@global.${name}`);
  return `@@global.${source}_enabled AS semi, @@global.${source}_timeout AS semi_timeout,
    ${of(count)} AS semi_count, ${of(waitsAlone)} AS semi_alone`;
}

/** A fallback that is at least so far away, in ms, is an operator's matter: by default it is 10 s away. */
export const NEVER = 3_600_000;

/**
 * For how many replicas a commit waits, 0 if it may silently be acknowledged without any: then what was
 * acknowledged is not known to be anywhere else, and the bound on loss must decide who may be promoted.
 */
export function waitsIn(row: Row): number {
  const isOn = (name: string): boolean => row[name] === '1' || row[name] === 'ON';
  if (!isOn('semi') || !isOn('semi_alone')) return 0;
  return Number(row['semi_timeout'] ?? 0) >= NEVER ? Math.max(1, Number(row['semi_count'] ?? 1)) : 0;
}

/** Whether it waits now (a fallback that has happened lasts until a replica has caught up), and for whose word. */
export const clientsQuery = ({ source }: SemiSync): string =>
  `SHOW GLOBAL STATUS WHERE Variable_name IN ('${source}_status', '${source}_clients')`.replaceAll(
    "'rpl",
    "'Rpl",
  );

/** `replicas`: configured; of others that are connected each may be the one that has acknowledged. */
export function syncRequirement(needed: number, status: readonly Row[], replicas: number): SyncRequirement {
  const of = (end: string): string =>
    status.find((row) => row['Variable_name']?.toLowerCase().endsWith(end) === true)?.['Value'] ?? '';
  if (needed === 0 || of('_status') !== 'ON') return { needed: 0, listed: 0 };
  return { needed, listed: Math.max(replicas, Number(of('_clients') || 0)) };
}
