import type { NodeId, Seen, SyncRequirement } from '../core/node.ts';
import { type Channel, receivingOf } from './channels.ts';
import type { Row } from './control-connection.ts';
import { formatGtidSet, parseGtidSet, union } from './gtid-set.ts';
import { capped, formatGtidState, type GtidState, join, parseGtidState } from './gtid-state.ts';
import { type Owner, positionOf } from './position.ts';
import { slotColumns } from './presence.ts';
import { type SemiSync, semiSyncColumns } from './synchronous.ts';

/**
 * One observation, after what the node receives was asked for: a promotion in the middle is seen at the next one.
 * MySQL names a node by its server_uuid, MariaDB by its server_id, as their GTIDs do.
 */
export function observeQuery(isMaria: boolean, semiSync: SemiSync, slots: readonly string[]): string {
  const gtids = isMaria
    ? '@@global.server_id AS own, @@global.gtid_binlog_state AS state, @@global.gtid_slave_pos AS applied'
    : '@@global.server_uuid AS own, @@global.gtid_executed AS executed, @@global.super_read_only AS super';
  return `SELECT @@version AS version, @@global.read_only AS read_only, ${gtids},
    ${semiSyncColumns(semiSync)}, ${slotColumns(slots)}`;
}

/** Takes no writes of clients. From MariaDB 12.0 on read_only has more values than 0 and 1. */
export function isReadOnly(row: Row): boolean {
  const on = (value: string | null | undefined): boolean =>
    value !== undefined && value !== null && value !== '0' && value.toUpperCase() !== 'OFF';
  return on(row['read_only']) || on(row['super']);
}

export interface Circumstances {
  readonly node: NodeId;
  readonly askedAt: number;
  readonly at: number;
  readonly isMaria: boolean;
  readonly channels: readonly Channel[];
  readonly sync: SyncRequirement;
  readonly otherProxies: readonly string[];
}

/**
 * The primary is a node that takes writes and is set up to receive from nobody. Nothing in these servers names a
 * cluster; whether two nodes belong together is what their GTIDs say.
 */
export function seenOf(row: Row, its: Circumstances): Seen {
  const isReplica = isReadOnly(row) || its.channels.length > 0;
  const own = row['own'] ?? '';
  const owner: Owner = { writes: !isReplica, own: own.toLowerCase() };
  const { executed, received } = (its.isMaria ? stateGtids : setGtids)(row, its.channels, isReplica, own);
  return {
    kind: 'seen',
    node: its.node,
    askedAt: its.askedAt,
    at: its.at,
    role: isReplica ? 'replica' : 'primary',
    identity: its.isMaria ? 'mariadb' : 'mysql',
    branch: '',
    position: positionOf(executed, owner),
    received: positionOf(isReplica ? received : executed, owner),
    receiving: isReplica ? receivingOf(its.channels) : undefined,
    sync: its.sync,
    version: row['version'] ?? '',
    otherProxies: its.otherProxies,
  };
}

interface Gtids {
  readonly executed: string;
  readonly received: string;
}

function setGtids(row: Row, channels: readonly Channel[]): Gtids {
  const executed = parseGtidSet(row['executed'] ?? '') ?? new Map();
  let received = executed;
  for (const channel of channels) received = union(received, parseGtidSet(channel.received) ?? new Map());
  return { executed: formatGtidSet(executed), received: formatGtidSet(received) };
}

const NOTHING: GtidState = { known: new Map(), last: new Map() };

function stateGtids(row: Row, channels: readonly Channel[], isReplica: boolean, own: string): Gtids {
  const state = parseGtidState(row['state'] ?? '') ?? NOTHING;
  const applied = parseGtidState(row['applied'] ?? '') ?? NOTHING;
  const logged = join(state, applied);
  const executed = isReplica ? capped(state, applied, own) : logged;
  // With both of its threads stopped it throws away what it has received and not applied at their next start.
  const streams = channels.filter(({ receiver, applier }) => receiver !== 'No' || applier !== 'No');
  const received = streams.map((channel) => parseGtidState(channel.received) ?? NOTHING);
  return { executed: formatGtidState(executed), received: formatGtidState(join(logged, ...received)) };
}
