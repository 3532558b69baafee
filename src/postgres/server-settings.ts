import { until } from '../net/waiting.ts';
import type { ControlSession } from './control-session.ts';
import { literalOf } from './quoting.ts';

/** Writes postgresql.auto.conf; null: takes the line out of it. Takes effect at `reload`. */
export async function alterSystem(
  session: ControlSession,
  name: string,
  value: string | null,
): Promise<void> {
  const statement =
    value === null ? `ALTER SYSTEM RESET ${name}` : `ALTER SYSTEM SET ${name} = ${literalOf(value)}`;
  await session.query(statement);
}

/**
 * Reloads the configuration. Resolves when this session has it: the postmaster, of which all new sessions are
 * born, had it before.
 */
export async function reload(session: ControlSession): Promise<void> {
  const [before] = await session.query('SELECT pg_conf_load_time() AS loaded, pg_reload_conf()');
  await until(session.signal, 'the configuration was not reloaded', async () => {
    const [now] = await session.query('SELECT pg_conf_load_time() AS loaded');
    return now?.['loaded'] !== before?.['loaded'];
  });
}
