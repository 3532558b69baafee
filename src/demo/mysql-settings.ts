import type { Flavour } from './mysql-programs.ts';

export type ServerSettings = Readonly<Record<string, string>>;

/** What the servers of both flavours get: small, durable against kill -9, a loss noticed within seconds. */
const COMMON: ServerSettings = {
  'bind-address': '127.0.0.1',
  'skip-name-resolve': 'ON',
  'character-set-server': 'utf8mb4',
  'max-connections': '200',
  'log-bin': 'binlog',
  'binlog-format': 'ROW',
  'sync-binlog': '1',
  'innodb-flush-log-at-trx-commit': '1',
  'innodb-buffer-pool-size': '32M',
  'innodb-buffer-pool-dump-at-shutdown': 'OFF',
  'innodb-buffer-pool-load-at-startup': 'OFF',
};

const OF_FLAVOUR: Readonly<Record<Flavour, ServerSettings>> = {
  mysql: {
    'gtid-mode': 'ON',
    'enforce-gtid-consistency': 'ON',
    'log-replica-updates': 'ON',
    'replica-net-timeout': '3',
    'super-read-only': 'ON',
    'secure-file-priv': 'NULL',
    mysqlx: 'OFF',
    // The smallest with which a data folder is made in one go.
    'innodb-redo-log-capacity': '64M',
    'plugin-load-add': 'mysql_clone.so',
    'performance-schema-consumer-events-statements-current': 'OFF',
    'log-error-verbosity': '2',
  },
  mariadb: {
    'gtid-strict-mode': 'ON',
    'log-slave-updates': 'ON',
    'slave-net-timeout': '3',
    'read-only': 'ON',
    'innodb-log-file-size': '16M',
    'performance-schema': 'OFF',
    'log-warnings': '1',
  },
};

/**
 * With semi-synchronous replication a commit waits for one replica, and never falls back: the timeout is the
 * longest there is. The source's side is switched on at run time, on the primary alone: a replica whose own
 * commits wait for replicas of its own would stand still.
 */
const SYNCHRONOUS: Readonly<Record<Flavour, ServerSettings>> = {
  mysql: {
    'plugin-load-add': 'mysql_clone.so;semisync_source.so;semisync_replica.so',
    'loose-rpl-semi-sync-replica-enabled': 'ON',
    'loose-rpl-semi-sync-source-wait-point': 'AFTER_SYNC',
    'loose-rpl-semi-sync-source-timeout': '4294967295',
  },
  mariadb: {
    'rpl-semi-sync-slave-enabled': 'ON',
    'rpl-semi-sync-master-wait-point': 'AFTER_SYNC',
    'rpl-semi-sync-master-timeout': '18446744073709551615',
  },
};

/** The settings of every server of a cluster; `own` are laid on top. Names as on the command line. */
export function serverSettings(
  flavour: Flavour,
  options: { readonly synchronous: boolean; readonly own: ServerSettings },
): ServerSettings {
  const own = Object.entries(options.own).map(([name, value]) => [name.replaceAll('_', '-'), value]);
  return {
    ...COMMON,
    ...OF_FLAVOUR[flavour],
    ...(options.synchronous ? SYNCHRONOUS[flavour] : {}),
    ...Object.fromEntries(own),
  };
}

export function asArguments(settings: ServerSettings): string[] {
  return Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
}
