import type { Finding } from '../core/engine.ts';
import type { Target } from '../core/wire.ts';
import { within } from '../net/deadline.ts';
import { ControlConnection, type Row } from './control-connection.ts';
import { messageOf } from './failure.ts';

const may = (name: string, call: string): string => `has_function_privilege('${call}', 'EXECUTE') AS ${name}`;

const RIGHTS_QUERY = `
SELECT quote_ident(session_user) AS account,
       current_setting('server_version_num')::int AS version,
       (SELECT rolsuper FROM pg_roles WHERE rolname = session_user) AS super,
       (SELECT rolreplication FROM pg_roles WHERE rolname = session_user) AS replication,
       pg_has_role('pg_read_all_stats', 'USAGE') AS stats,
       pg_has_role('pg_read_all_settings', 'USAGE') AS settings,
       pg_has_role('pg_signal_backend', 'USAGE') AS signals,
       ${may('identity', 'pg_control_system()')},
       ${may('histories', 'pg_read_file(text,bigint,bigint,boolean)')},
       ${may('segments', 'pg_ls_waldir()')},
       ${may('promotes', 'pg_promote(boolean,integer)')},
       ${may('reloads', 'pg_reload_conf()')}`;

/** From 15 on; before, only a superuser may. */
const ALTER_SYSTEM_QUERY = `
SELECT bool_and(has_parameter_privilege(name, 'ALTER SYSTEM')) AS alters
FROM unnest(ARRAY['primary_conninfo', 'primary_slot_name', 'default_transaction_read_only']) AS name`;

const SETTINGS_QUERY = `
SELECT pg_is_in_recovery() AS standby,
       (SELECT count(*) FROM pg_replication_slots) AS slots,
       (SELECT jsonb_object_agg(name, reset_val) FROM pg_settings WHERE name IN (
         'allow_alter_system', 'data_checksums', 'default_transaction_read_only', 'hot_standby', 'max_replication_slots',
         'max_slot_wal_keep_size', 'max_wal_senders', 'wal_level', 'wal_log_hints', 'wal_receiver_timeout',
         'wal_retrieve_retry_interval')) AS settings`;

/** What this account lacks and which settings stand in the way; only 'ok' findings if nothing does. */
export async function rightsFindings(
  connection: ControlConnection,
  promotes: boolean,
  signal: AbortSignal,
): Promise<Finding[]> {
  const [rights = {}] = await connection.query(RIGHTS_QUERY, [], signal);
  const [altering = {}] =
    Number(rights['version']) >= 150_000 ? await connection.query(ALTER_SYSTEM_QUERY, [], signal) : [];
  const [row = {}] = await connection.query(SETTINGS_QUERY, [], signal);
  const settings = new Map(Object.entries(JSON.parse(row['settings'] ?? '{}') as Record<string, string>));
  return [
    ...observing({ ...rights }),
    ...promoting({ ...rights, ...altering }, promotes),
    ...ofSettings(settings, row, promotes),
  ];
}

type Need = readonly [holds: boolean, what: string, mend: string];

function judged(needs: readonly Need[], severity: 'error' | 'warning', fine: string): Finding[] {
  const lacking = needs
    .filter(([holds]) => !holds)
    .map(([, what, mend]): Finding => ({ severity, what, mend }));
  return lacking.length > 0 ? lacking : [{ severity: 'ok', what: fine, mend: '' }];
}

const grantExecute = (call: string, account: string): string =>
  `GRANT EXECUTE ON FUNCTION pg_catalog.${call} TO ${account};`;

function observing(rights: Row): Finding[] {
  const account = rights['account'] ?? '';
  const has = (name: string): boolean => rights[name] === 't';
  const needs: Need[] = [
    [
      has('stats'),
      'the account may not see what a replica receives: the loss of a primary cannot be confirmed',
      `GRANT pg_monitor TO ${account};`,
    ],
    [
      has('identity'),
      'the account may not read the cluster identity: nodes cannot be observed',
      grantExecute('pg_control_system()', account),
    ],
    [
      has('histories'),
      'the account may not read timeline histories: after a failover positions cannot be compared',
      grantExecute('pg_read_file(text, bigint, bigint, boolean)', account),
    ],
  ];
  return judged(needs, 'error', 'the account may observe this node');
}

function promoting(rights: Row, promotes: boolean): Finding[] {
  const account = rights['account'] ?? '';
  const has = (name: string): boolean => rights['super'] === 't' || rights[name] === 't';
  const grantable = Number(rights['version']) >= 150_000;
  const needs: Need[] = [
    [has('promotes'), 'the account may not promote', grantExecute('pg_promote(boolean, integer)', account)],
    [
      has('reloads'),
      'the account may not reload the configuration',
      grantExecute('pg_reload_conf()', account),
    ],
    [
      has('alters'),
      'the account may not point a replica at a new primary',
      grantable
        ? `GRANT ALTER SYSTEM ON PARAMETER primary_conninfo, primary_slot_name, default_transaction_read_only TO ${account};`
        : `ALTER ROLE ${account} SUPERUSER; (before PostgreSQL 15 only a superuser may)`,
    ],
    [
      has('replication'),
      'the account may not create replication slots',
      `ALTER ROLE ${account} REPLICATION;`,
    ],
    [
      has('signals'),
      "the account may not end other users' sessions on a superseded primary",
      `GRANT pg_signal_backend TO ${account};`,
    ],
    [
      has('settings'),
      'the account may not read primary_conninfo: TLS options in it would be lost when a replica is repointed',
      `GRANT pg_read_all_settings TO ${account};`,
    ],
  ];
  return judged(
    needs,
    promotes ? 'error' : 'warning',
    'the account may promote, repoint and fence this node',
  );
}

/** `reset_val` in the unit of pg_settings: ms for the two times, MB for the size. */
function ofSettings(settings: ReadonlyMap<string, string>, row: Row, promotes: boolean): Finding[] {
  const standby = row['standby'] === 't';
  const number = (name: string): number => Number(settings.get(name) ?? 0);
  const off = (name: string): boolean => settings.get(name) === 'off';
  const hard: Need[] = [
    [!off('hot_standby'), 'hot_standby is off: as a replica this node takes no reads', 'hot_standby = on'],
    [
      !promotes || !off('allow_alter_system'),
      'allow_alter_system is off: replicas cannot be pointed at a new primary',
      'allow_alter_system = on, then reload',
    ],
    [
      settings.get('wal_level') !== 'minimal',
      'wal_level is minimal: nothing can be replicated',
      'wal_level = replica',
    ],
  ];
  const soft: Need[] = [
    [
      number('wal_receiver_timeout') > 0 && number('wal_receiver_timeout') <= 5_000,
      `wal_receiver_timeout is ${settings.get('wal_receiver_timeout')} ms: a primary that hangs is confirmed lost only after that`,
      "ALTER SYSTEM SET wal_receiver_timeout = '2s';",
    ],
    [
      number('wal_retrieve_retry_interval') <= 1_000,
      `wal_retrieve_retry_interval is ${settings.get('wal_retrieve_retry_interval')} ms: a replica waits that long before it tries again`,
      "ALTER SYSTEM SET wal_retrieve_retry_interval = '200ms';",
    ],
    [
      number('max_replication_slots') > Number(row['slots'] ?? 0),
      `all ${settings.get('max_replication_slots')} replication slots are taken: as primary this node could keep no WAL for another replica`,
      'max_replication_slots = 10, then restart',
    ],
    [number('max_wal_senders') >= 2, 'max_wal_senders is below 2', 'max_wal_senders = 10, then restart'],
    [
      !promotes || number('max_slot_wal_keep_size') >= 0,
      'max_slot_wal_keep_size is unlimited: the slot of a replica that never comes back fills the disk',
      "ALTER SYSTEM SET max_slot_wal_keep_size = '16GB'; (what the disk can spare)",
    ],
    [
      !promotes || !off('wal_log_hints') || settings.get('data_checksums') === 'on',
      'neither wal_log_hints nor data checksums are on: pg_rewind cannot make a superseded primary a replica',
      'wal_log_hints = on, then restart',
    ],
    [
      standby || off('default_transaction_read_only'),
      'default_transaction_read_only is on: new transactions on this primary are read-only',
      'ALTER SYSTEM RESET default_transaction_read_only; then SELECT pg_reload_conf();',
    ],
  ];
  const findings = [...judged(hard, 'error', ''), ...judged(soft, 'warning', '')];
  const bad = findings.filter((finding) => finding.severity !== 'ok');
  return bad.length > 0 ? bad : [{ severity: 'ok', what: 'the settings are as recommended', mend: '' }];
}

/** Whether the account that replicas stream with may come in from here. Never rejects. */
export async function replicationFinding(
  target: Target,
  login: { readonly user: string; readonly password: string | undefined },
  timeoutMs: number,
): Promise<Finding> {
  try {
    await within(timeoutMs, undefined, async (signal) => {
      const options = {
        applicationName: 'pointsman',
        statementTimeoutMs: timeoutMs,
        replication: true,
        signal,
      };
      const connection = await ControlConnection.open({ ...target, ...login }, options);
      await connection.close();
    });
    return { severity: 'ok', what: `${login.user} may replicate from this node`, mend: '' };
  } catch (error) {
    return {
      severity: 'error',
      what: `${login.user} may not replicate from this node: ${messageOf(error)}`,
      mend: 'mend `failover.replication`, the REPLICATION attribute of that role, and `replication` in pg_hba.conf',
    };
  }
}
