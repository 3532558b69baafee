import type { Receiving } from '../core/node.ts';
import type { Row } from './control-connection.ts';

/** One stream that a replica is set up to receive. Both servers' words for it differ, their meaning does not. */
export interface Channel {
  /** '' for the usual one. */
  readonly name: string;
  /** `host:port`. */
  readonly from: string;
  /** `Yes`, `Connecting`, `Preparing` or `No`. */
  readonly receiver: string;
  /** `Yes` or `No`. */
  readonly applier: string;
  /** What it has received, applied or not. MySQL: a GTID set. MariaDB: the last transaction of each domain. */
  readonly received: string;
  /** By GTIDs and not by file and offset. */
  readonly byGtid: boolean;
  /** Why it stopped, or last failed; '' if it did not. */
  readonly receiverError: string;
  readonly applierError: string;
}

export const channelsQuery = (isMaria: boolean): string =>
  isMaria ? 'SHOW ALL SLAVES STATUS' : 'SHOW REPLICA STATUS';

/** What a node is set up to receive; those of group replication are its own business. */
export function channelsIn(rows: readonly Row[]): Channel[] {
  return rows.map(channelOf).filter(({ name }) => !name.startsWith('group_replication_'));
}

function channelOf(row: Row): Channel {
  const of = (...names: readonly string[]): string => {
    for (const name of names) if (typeof row[name] === 'string') return row[name];
    return '';
  };
  return {
    name: of('Channel_Name', 'Connection_name'),
    from: `${of('Source_Host', 'Master_Host')}:${of('Source_Port', 'Master_Port')}`,
    receiver: of('Replica_IO_Running', 'Slave_IO_Running'),
    applier: of('Replica_SQL_Running', 'Slave_SQL_Running'),
    received: of('Retrieved_Gtid_Set', 'Gtid_IO_Pos').replace(/\s+/g, ''),
    byGtid: of('Auto_Position') === '1' || /_Pos$/.test(of('Using_Gtid')),
    receiverError: of('Last_IO_Error'),
    applierError: of('Last_SQL_Error'),
  };
}

/**
 * `Connecting` is no word for the primary: that is what a receiver shows from the moment it lost it. Undefined: it
 * is not set up to receive from anybody.
 */
export function receivingOf(channels: readonly Channel[]): Receiving | undefined {
  const channel = channels.find(({ receiver }) => receiver === 'Yes') ?? channels[0];
  return channel && { active: channel.receiver === 'Yes', from: channel.from };
}
