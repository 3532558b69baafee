import { until } from '../net/waiting.ts';
import type { ControlSession } from './control-session.ts';
import { refusalOf } from './failure.ts';
import { unfenceIfFenced } from './fencing.ts';
import { timelineOfFile } from './observation.ts';

/** What the node knows of its timeline before: the receiver's while it runs, else the control file's. */
const BEFORE = `
SELECT pg_is_in_recovery() AS standby,
       coalesce((SELECT received_tli FROM pg_stat_wal_receiver), (SELECT timeline_id FROM pg_control_checkpoint())) AS timeline`;

const AFTER = `
WITH here AS MATERIALIZED (SELECT pg_is_in_recovery() AS standby)
SELECT CASE WHEN NOT standby THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END AS file FROM here`;

async function askForPromotion(session: ControlSession): Promise<void> {
  try {
    await session.query('SELECT pg_promote(false)');
  } catch (error) {
    // 55000, object_not_in_prerequisite_state: somebody else has just promoted it.
    if (refusalOf(error)?.code !== '55000') throw error;
  }
}

/**
 * Promotes a replica. Resolves when it accepts writes on a timeline greater than before; on a node that is a
 * primary already, at once. A fence that an earlier life has left is lifted.
 */
export async function promote(session: ControlSession): Promise<{ readonly branch: string }> {
  const [before] = await session.query(BEFORE);
  const standby = before?.['standby'] === 't';
  const least = standby ? Number(before?.['timeline'] ?? 0) + 1 : 1;
  if (standby) await askForPromotion(session);
  let timeline = 0;
  await until(
    session.signal,
    () => (timeline === 0 ? 'it is still in recovery' : `it is still on timeline ${timeline}`),
    async () => {
      const [now] = await session.query(AFTER);
      const file = now?.['file'];
      timeline = typeof file === 'string' ? timelineOfFile(file) : 0;
      return timeline >= least;
    },
  );
  await unfenceIfFenced(session);
  return { branch: String(timeline) };
}
