/** Settings of every embedded server; chosen so that a loss is noticed within seconds (spec/failover.md). */
export const SERVER_SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // Files in the data folder, so that a killed server leaves nothing in /dev/shm.
  dynamic_shared_memory_type: 'mmap',
  max_connections: '200',
  max_wal_senders: '10',
  max_replication_slots: '10',
  wal_keep_size: '256MB',
  wal_log_hints: 'on',
  hot_standby: 'on',
  wal_receiver_timeout: '2s',
  wal_sender_timeout: '5s',
  wal_retrieve_retry_interval: '100ms',
  log_line_prefix: '%m [%p] ',
  lc_messages: 'C',
};

/** Only with a password, only from this machine. */
export const HBA = [
  ...['127.0.0.1/32', '::1/128'].flatMap((from) => [
    `host all         all ${from} scram-sha-256`,
    `host replication all ${from} scram-sha-256`,
  ]),
  '',
].join('\n');

/** Lines for postgresql.conf. */
export function configurationLines(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${quoted(value)}\n`)
    .join('');
}

/** Settings that say whose replica a node is, or that fence it: they never travel with a copy. */
const OF_ONE_NODE = ['primary_conninfo', 'primary_slot_name', 'default_transaction_read_only'];

/** postgresql.auto.conf of a copy that streams from `conninfo`; what ALTER SYSTEM set otherwise is kept. */
export function replicaOverrides(copied: string, conninfo: string): string {
  const kept = copied
    .split('\n')
    .filter((line) => line !== '' && !OF_ONE_NODE.some((name) => line.startsWith(`${name} `)));
  return `${[...kept, `primary_conninfo = ${quoted(conninfo)}`].join('\n')}\n`;
}

/** A libpq connection string for a replica's stream. */
export function streamFrom(options: { port: number; user: string; password: string; name: string }): string {
  const { port, user, password, name } = options;
  return `host=127.0.0.1 port=${port} user=${user} password=${password} application_name=${name} connect_timeout=2`;
}

/** A string of postgresql.conf or of SQL, in quotes. */
export function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
