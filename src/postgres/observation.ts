import type { NodeId, Receiving, Seen } from '../core/node.ts';
import { OWN_KIND } from './application-name.ts';
import type { Row } from './control-connection.ts';
import { type Fork, positionOf } from './position.ts';
import { syncRequirement } from './synchronous.ts';

/**
 * What one connection is told once: it belongs to one run of one server, so none of this changes under it.
 * The control file's timelines lag behind (the last checkpoint's, the last flushed page's) but never lead.
 */
export const GREETING_QUERY = `
SELECT (SELECT system_identifier FROM pg_control_system()) AS identity,
       current_setting('server_version') AS version,
       pg_postmaster_start_time() AS started,
       greatest((SELECT timeline_id FROM pg_control_checkpoint()),
                (SELECT min_recovery_end_timeline FROM pg_control_recovery())) AS timeline,
       has_function_privilege('pg_read_file(text,bigint,bigint,boolean)', 'EXECUTE') AS histories,
       has_function_privilege('pg_ls_waldir()', 'EXECUTE') AS segments`;

/**
 * One observation, $1 and $2: prefix and name of proxies like this one. Whether the server is in recovery is asked
 * once, so that a promotion in the middle leaves every column on one side of it. A writable node's timeline comes
 * from the name of the WAL file it writes: the control file says the old one long after a promotion.
 */
export const OBSERVE_QUERY = `
WITH here AS MATERIALIZED (SELECT pg_is_in_recovery() AS standby)
SELECT here.standby,
       CASE WHEN NOT here.standby THEN pg_current_wal_lsn() END AS written,
       CASE WHEN NOT here.standby THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END AS file,
       CASE WHEN here.standby THEN coalesce(pg_last_wal_replay_lsn(), '0/0') END AS replayed,
       CASE WHEN here.standby
         THEN coalesce(greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), '0/0') END AS received,
       receiver.pid AS receiver, receiver.status, receiver.received_tli AS receiving,
       receiver.sender_host AS host, receiver.sender_port AS port,
       current_setting('synchronous_standby_names') AS synchronous,
       (SELECT string_agg(DISTINCT application_name, chr(10)) FROM pg_stat_activity
         WHERE ${OWN_KIND} AND application_name <> $2) AS others
FROM here LEFT JOIN pg_stat_wal_receiver AS receiver ON true`;

/** The timeline of the newest WAL file: true also on a replica that receives nothing and was just started. */
export const SEGMENTS_QUERY = `
SELECT max(left(name, 8)) AS file FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'`;

/** $1: name of a timeline's history file. */
export const HISTORY_QUERY = `SELECT pg_read_file('pg_wal/' || $1, 0, 1048576, true) AS history`;

export const historyFile = (timeline: number): string =>
  `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`;

/** The timeline in the first eight digits of a WAL file's name. */
export const timelineOfFile = (file: string): number => Number.parseInt(file, 16);

export interface Greeting {
  readonly identity: string;
  readonly version: string;
  /** When this run of the server began. */
  readonly started: string;
  readonly timeline: number;
  /** May read timeline history files; may list WAL files. */
  readonly histories: boolean;
  readonly segments: boolean;
}

export function greetingOf(row: Row | undefined): Greeting {
  return {
    identity: row?.['identity'] ?? '',
    version: row?.['version'] ?? '',
    started: row?.['started'] ?? '',
    timeline: Number(row?.['timeline'] ?? 0),
    histories: row?.['histories'] === 't',
    segments: row?.['segments'] === 't',
  };
}

/** The timeline a row tells of; undefined: a replica without a receiver, which knows only the past. */
export function timelineIn(row: Row): number | undefined {
  const file = row['file'];
  if (typeof file === 'string') return timelineOfFile(file);
  const receiving = Number(row['receiving'] ?? 0);
  return receiving > 0 ? receiving : undefined;
}

export interface Circumstances {
  readonly node: NodeId;
  readonly askedAt: number;
  readonly at: number;
  readonly greeting: Greeting;
  readonly timeline: number;
  readonly forks: readonly Fork[] | undefined;
  /** Configured nodes besides the primary. */
  readonly replicas: number;
}

export function seenOf(row: Row, its: Circumstances): Seen {
  const standby = row['standby'] === 't';
  const at = (lsn: string | null | undefined) => positionOf(its.timeline, lsn ?? '0/0', its.forks);
  return {
    kind: 'seen',
    node: its.node,
    askedAt: its.askedAt,
    at: its.at,
    role: standby ? 'replica' : 'primary',
    identity: its.greeting.identity,
    branch: its.timeline > 0 ? String(its.timeline) : '',
    position: at(standby ? row['replayed'] : row['written']),
    received: at(standby ? row['received'] : row['written']),
    receiving: standby ? receivingOf(row) : undefined,
    sync: syncRequirement(row['synchronous'] ?? '', its.replicas),
    version: its.greeting.version,
    otherProxies: row['others']?.split('\n').map(instanceOf) ?? [],
  };
}

/**
 * No receiver process: nothing is received. A process whose status this account may not see counts as receiving:
 * a missing right must not be taken for a replica's word that the primary is gone.
 */
function receivingOf(row: Row): Receiving {
  const { receiver, status, host, port } = row;
  if (receiver === null || receiver === undefined) return { active: false, from: undefined };
  const from = host === null || host === undefined ? undefined : `${host}:${port}`;
  return { active: status === null || status === undefined || status === 'streaming', from };
}

/** `pointsman:<cluster>:<instance>` without what all of them share. */
const instanceOf = (name: string): string => name.split(':').slice(2).join(':') || name;
