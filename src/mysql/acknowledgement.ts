import type { ControlSession } from './control-session.ts';
import { SEMI_SYNC_QUERY, semiSyncIn } from './synchronous.ts';

/** The two sides of semi-synchronous replication on one node: switched where its role changes. */
export interface Acknowledging {
  /** The stems of its settings; undefined: this server does not have that side. */
  readonly source: string | undefined;
  readonly replica: string | undefined;
  /** Its commits wait for replicas. */
  readonly waits: boolean;
  /** As a replica it acknowledges. */
  readonly answers: boolean;
}

export async function acknowledging(session: ControlSession): Promise<Acknowledging> {
  const rows = await session.query(SEMI_SYNC_QUERY);
  const { source, replica } = semiSyncIn(rows);
  const isOn = (stem: string | undefined): boolean =>
    rows.some((row) => row['Variable_name'] === `${stem}_enabled` && row['Value'] === 'ON');
  return { source, replica, waits: isOn(source), answers: isOn(replica) };
}

/**
 * A replica that acknowledges its primary's commits has its own acknowledged once it is the primary. Before it
 * takes writes: none is acknowledged alone.
 */
export async function waitForReplicas(session: ControlSession): Promise<void> {
  const { source, answers, waits } = await acknowledging(session);
  if (source !== undefined && answers && !waits) await session.query(`SET GLOBAL ${source}_enabled = ON`);
}

/** A replica of a primary that waits acknowledges; its own commits wait for nobody, or its applier would stand. */
export async function acknowledge(
  session: ControlSession,
  primary: { readonly waits: boolean },
): Promise<void> {
  const { source, replica, waits, answers } = await acknowledging(session);
  if (waits) await session.query(`SET GLOBAL ${source}_enabled = OFF`);
  if (replica !== undefined && (primary.waits || waits) && !answers) {
    await session.query(`SET GLOBAL ${replica}_enabled = ON`);
  }
}
