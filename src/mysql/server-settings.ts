import type { Finding } from '../core/engine.ts';
import { channelsIn, channelsQuery } from './channels.ts';
import type { Row } from './control-connection.ts';
import { NEVER } from './synchronous.ts';

/** What a server is set to, looked at for `check`. */

const NAMES = [
  'binlog_format',
  'enforce_gtid_consistency',
  'gtid_mode',
  'gtid_strict_mode',
  'innodb_flush_log_at_trx_commit',
  'log_bin',
  'log_replica_updates',
  'log_slave_updates',
  'read_only',
  'replica_net_timeout',
  'replica_preserve_commit_order',
  'rpl_semi_sync_master_enabled',
  'rpl_semi_sync_master_timeout',
  'rpl_semi_sync_source_enabled',
  'rpl_semi_sync_source_timeout',
  'slave_net_timeout',
  'slave_preserve_commit_order',
  'super_read_only',
  'sync_binlog',
  'wsrep_on',
];

const QUERY = `SHOW GLOBAL VARIABLES WHERE Variable_name IN (${NAMES.map((name) => `'${name}'`).join(', ')})`;

type Need = readonly [holds: boolean, what: string, mend: string];

export async function settingFindings(
  ask: (text: string) => Promise<Row[]>,
  isMaria: boolean,
  promotes: boolean,
): Promise<Finding[]> {
  const values = new Map((await ask(QUERY)).map((row) => [row['Variable_name'] ?? '', row['Value'] ?? '']));
  // Without the right to ask, which is another finding, it counts as none.
  const isReplica = channelsIn(await ask(channelsQuery(isMaria)).catch(() => [])).length > 0;
  const settings: Settings = {
    isMaria,
    isReplica,
    of: (...names) => names.map((name) => values.get(name)).find((value) => value !== undefined) ?? '',
  };
  const hard = [...history(settings), ...(promotes ? authority(settings) : [])];
  const soft = [...durability(settings), ...signals(settings), ...(isMaria ? [] : strictness(settings))];
  const bad = [...lacking(hard, 'error'), ...lacking(soft, 'warning')];
  return bad.length > 0 ? bad : [{ severity: 'ok', what: 'the settings are as recommended', mend: '' }];
}

interface Settings {
  readonly isMaria: boolean;
  readonly isReplica: boolean;
  /** The first of these that the server has. */
  of(...names: readonly string[]): string;
}

function lacking(needs: readonly Need[], severity: 'error' | 'warning'): Finding[] {
  return needs.filter(([holds]) => !holds).map(([, what, mend]) => ({ severity, what, mend }));
}

/** Without these a node's history cannot be compared, or nothing can follow it. */
function history({ isMaria, isReplica, of }: Settings): Need[] {
  const updates = isMaria ? 'log_slave_updates' : 'log_replica_updates';
  const shared: Need[] = [
    [
      of('log_bin') !== 'OFF',
      'the binary log is off: nothing can follow this node',
      'log_bin = binlog, then restart',
    ],
    [
      of('log_replica_updates', 'log_slave_updates') !== 'OFF',
      `${updates} is off: after a promotion of this node nothing can follow it`,
      `${updates} = ON, then restart`,
    ],
    [
      !isReplica || of('read_only') !== 'OFF',
      'this replica takes writes: what is written here parts it from the primary',
      isMaria ? 'SET GLOBAL read_only = ON;' : 'SET PERSIST super_read_only = ON;',
    ],
  ];
  if (isMaria) return shared;
  return [
    ...shared,
    [
      of('gtid_mode') === 'ON',
      `gtid_mode is ${of('gtid_mode')}: positions of nodes cannot be compared`,
      'gtid_mode = ON and enforce_gtid_consistency = ON (MySQL manual, "Enabling GTID Transactions Online")',
    ],
  ];
}

function authority({ of }: Settings): Need[] {
  return [
    [of('wsrep_on') !== 'ON', 'this node belongs to Galera, which elects its primary', 'mode: observe'],
  ];
}

function durability({ of }: Settings): Need[] {
  return [
    [
      of('sync_binlog') === '1' && of('innodb_flush_log_at_trx_commit') === '1',
      'sync_binlog or innodb_flush_log_at_trx_commit is not 1: after a crash a replica may have more than its primary',
      'SET GLOBAL sync_binlog = 1, innodb_flush_log_at_trx_commit = 1;',
    ],
    ...semiSync(of),
  ];
}

function semiSync(of: Settings['of']): Need[] {
  const enabled = of('rpl_semi_sync_source_enabled', 'rpl_semi_sync_master_enabled') === 'ON';
  const timeout = Number(of('rpl_semi_sync_source_timeout', 'rpl_semi_sync_master_timeout'));
  return [
    [
      !enabled || timeout >= NEVER,
      `commits stop waiting for replicas after ${timeout} ms: they are not counted as synchronous`,
      'set the timeout of semi-synchronous replication to its maximum if no acknowledged write may be lost',
    ],
  ];
}

function signals({ isMaria, of }: Settings): Need[] {
  const timeout = of('replica_net_timeout', 'slave_net_timeout');
  const name = isMaria ? 'slave_net_timeout' : 'replica_net_timeout';
  return [
    [
      Number(timeout) <= 5,
      `${name} is ${timeout} s: a primary that hangs is confirmed lost only after that`,
      `SET GLOBAL ${name} = 3; and a heartbeat of 1 s (${isMaria ? 'MASTER' : 'SOURCE'}_HEARTBEAT_PERIOD = 1)`,
    ],
    ...(isMaria
      ? [
          [
            of('gtid_strict_mode') === 'ON',
            'gtid_strict_mode is off: what is written on a replica is noticed late',
            'SET GLOBAL gtid_strict_mode = ON;',
          ] as const,
        ]
      : []),
  ];
}

function strictness({ isReplica, of }: Settings): Need[] {
  return [
    [
      !isReplica || of('super_read_only') === 'ON',
      'super_read_only is off: administrators may write on this replica',
      'SET PERSIST super_read_only = ON;',
    ],
    [
      of('replica_preserve_commit_order', 'slave_preserve_commit_order') !== 'OFF',
      'replica_preserve_commit_order is off: readers of a replica may see later writes without earlier ones',
      'replica_preserve_commit_order = ON, then START REPLICA',
    ],
  ];
}
