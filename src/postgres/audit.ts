import type { PinReason } from '../core/intent.ts';
import { type Settings, settingsOf } from '../core/settings.ts';
import type { AuditResult, Outcome } from '../core/wire.ts';
import { SERVER_PREFIX } from './prepared.ts';
import { quoteText } from './settings.ts';

/** A function body that may set a custom setting. */
const SETS_CUSTOM = 'set_config|\\mset\\M\\s+(session\\s+)?[a-z_0-9"]+\\.|\'\\s*set\\s+(?!local\\M)';

/**
 * Asks a server connection what its session has left on it, where no message told: settings that were set
 * inside functions, temporary objects, advisory locks, listening channels, cursors, prepared statements.
 * Custom settings that no library owns are in no view, so a database with functions that may set one pins
 * (2078 is set_config in the bodies of SQL-standard functions).
 */
export const AUDIT_TEXT = `
SELECT 's', name, pg_catalog.current_setting(name) FROM pg_catalog.pg_settings
 WHERE source = 'session' AND name NOT IN ('transaction_isolation', 'transaction_read_only', 'transaction_deferrable')
UNION ALL
SELECT 's', 'role', pg_catalog.current_setting('role') WHERE pg_catalog.current_setting('role') <> 'none'
UNION ALL
SELECT 's', 'session_authorization', session_user::text FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) a
 WHERE a.usesysid <> (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = session_user)
UNION ALL
SELECT 'p', 'temporary-object', '' WHERE EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace = pg_catalog.pg_my_temp_schema())
 OR EXISTS (SELECT FROM pg_catalog.pg_proc WHERE pronamespace = pg_catalog.pg_my_temp_schema())
 OR EXISTS (SELECT FROM pg_catalog.pg_type WHERE typnamespace = pg_catalog.pg_my_temp_schema())
UNION ALL
SELECT 'p', 'advisory-lock', '' WHERE EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND pid = pg_catalog.pg_backend_pid())
UNION ALL
SELECT 'p', 'listen', '' WHERE EXISTS (SELECT FROM pg_catalog.pg_listening_channels())
UNION ALL
SELECT 'p', 'cursor', '' WHERE EXISTS (SELECT FROM pg_catalog.pg_cursors WHERE is_holdable)
UNION ALL
SELECT 'p', 'prepared-statement', '' WHERE EXISTS (SELECT FROM pg_catalog.pg_prepared_statements WHERE name NOT LIKE '${SERVER_PREFIX}%')
UNION ALL
SELECT 'p', 'session-setting', '' WHERE EXISTS (SELECT FROM pg_catalog.pg_proc p
 WHERE p.pronamespace NOT IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname IN ('pg_catalog', 'information_schema'))
   AND (p.prosrc ~* ${quoteText(SETS_CUSTOM)}
     OR pg_catalog.to_jsonb(p)->>'prosqlbody' LIKE '%:funcid 2078 %'))
`.trim();

const PINS: ReadonlySet<string> = new Set<PinReason>([
  'temporary-object',
  'advisory-lock',
  'listen',
  'cursor',
  'prepared-statement',
  'session-setting',
]);

const isPin = (text: string | null): text is PinReason => text !== null && PINS.has(text);

/** The same, with the values of settings that a session may have set and no view shows. */
export function auditText(touched: Iterable<string>, startup: Settings): string {
  const custom = [...new Set([...touched, ...startup.values.keys()])].filter((name) => name.includes('.'));
  // A custom setting that was reset is empty ever after; what the session began with holds again then.
  const asked = custom.map((name) => {
    const kept = startup.values.has(name) ? "<> ''" : 'IS NOT NULL';
    const value = `pg_catalog.current_setting(${quoteText(name)},true)`;
    return ` UNION ALL SELECT 's',${quoteText(name)},${value} WHERE ${value} ${kept}`;
  });
  return AUDIT_TEXT + asked.join('');
}

/** Rows of `AUDIT_TEXT`: kind (`s` setting, `p` pin), name, value. */
export function readAudit(outcome: Outcome): AuditResult {
  const settings: [string, string][] = [];
  let pin: PinReason | undefined;
  for (const [kind, name, value] of outcome.rows) {
    if (kind === 's' && name !== null && name !== undefined) settings.push([name.toLowerCase(), value ?? '']);
    else if (kind === 'p' && name !== undefined && isPin(name)) pin ??= name;
  }
  return { settings: settingsOf(settings), pin };
}
