import { until } from '../net/waiting.ts';
import { OWN_KIND, shownName } from './application-name.ts';
import type { ControlSession } from './control-session.ts';
import { alterSystem, reload } from './server-settings.ts';

const READ_ONLY = 'default_transaction_read_only';

/** Clients of others; not what replicates, and not the control connections of proxies like this one ($1). */
const FOREIGN = `
FROM pg_stat_activity AS session
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND NOT (${OWN_KIND})`;

/** Only a superuser may end a superuser's session; asking for one would fail the whole statement. */
const TERMINATE = `
SELECT array_agg(pid) AS pids, count(pg_terminate_backend(pid)) ${FOREIGN}
  AND ((SELECT rolsuper FROM pg_roles WHERE rolname = session_user)
       OR NOT coalesce((SELECT rolsuper FROM pg_roles WHERE oid = session.usesysid), false))`;

/** Of those that were told to end; whoever comes back has a new process. */
const LEFT = 'SELECT count(*) FROM pg_stat_activity WHERE pid = ANY ($1::int[])';

/**
 * Makes new transactions read-only by default and ends the sessions of others. Advice, not proof: a session may
 * still begin READ WRITE. The setting outlives restarts and promotions, until `unfence`.
 */
export async function fence(session: ControlSession, applicationName: string): Promise<void> {
  const { prefix } = shownName(applicationName);
  await alterSystem(session, READ_ONLY, 'on');
  await reload(session);
  const [ended] = await session.query(TERMINATE, [prefix]);
  const pids = ended?.['pids'] ?? '{}';
  let left = '0';
  await until(
    session.signal,
    () => `${left} sessions did not end`,
    async () => {
      const [row] = await session.query(LEFT, [pids]);
      left = row?.['count'] ?? '0';
      return left === '0';
    },
  );
}

export async function unfence(session: ControlSession): Promise<void> {
  await alterSystem(session, READ_ONLY, null);
  await reload(session);
}

/** Lifts a fence that is there; costs one question where none is. */
export async function unfenceIfFenced(session: ControlSession): Promise<void> {
  const [row] = await session.query(
    `SELECT setting = 'on' OR reset_val = 'on' AS fenced FROM pg_settings WHERE name = '${READ_ONLY}'`,
  );
  if (row?.['fenced'] === 't') await unfence(session);
}
