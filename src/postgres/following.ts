import { ProxyError } from '../core/errors.ts';
import { until } from '../net/waiting.ts';
import { pointedAt, slotName, type Upstream } from './conninfo.ts';
import type { Row } from './control-connection.ts';
import type { ControlSession } from './control-session.ts';
import { refusalOf } from './failure.ts';
import { timelineOfFile } from './observation.ts';
import { alterSystem, reload } from './server-settings.ts';

type On = <T>(call: (session: ControlSession) => Promise<T>) => Promise<T>;

export interface Repointing {
  readonly replica: On;
  readonly primary: On;
  readonly upstream: Upstream;
}

/**
 * Makes a replica stream from a primary without a restart: first a slot there, so that no WAL it needs goes
 * away, then the two settings here. Resolves when the replica streams that primary's timeline and goes on with it.
 *
 * PostgreSQL writes a changed primary_conninfo to its own log when it reloads, a password in it included. Where
 * that must not be, the replication password stays out of the configuration and in a `passfile`, which is kept.
 */
export async function follow({ replica, primary, upstream }: Repointing): Promise<void> {
  const slot = slotName(upstream.applicationName);
  await replica(async (session) => {
    await mustBeReplica(session);
    const goal = await primary(async (other) => {
      await ensureSlot(other, slot);
      return goalOf(other);
    });
    const before = await upstreamNow(session);
    const conninfo = pointedAt(before.conninfo ?? '', upstream);
    const stays = conninfo === before.conninfo && slot === before.slot;
    if (!stays) {
      await alterSystem(session, 'primary_conninfo', conninfo);
      await alterSystem(session, 'primary_slot_name', slot);
      await reload(session);
    }
    const former = stays || before.conninfo === undefined ? undefined : before.receiver;
    await streaming(session, upstream, goal, former);
  });
}

/** Makes the slot if it is not there. It keeps WAL from now on (`immediately_reserve`). */
async function ensureSlot(session: ControlSession, slot: string): Promise<void> {
  const [found] = await session.query('SELECT 1 FROM pg_replication_slots WHERE slot_name = $1', [slot]);
  if (found !== undefined) return;
  try {
    await session.query('SELECT pg_create_physical_replication_slot($1, true)', [slot]);
  } catch (error) {
    // 42710, duplicate_object: another call was quicker.
    if (refusalOf(error)?.code !== '42710') throw error;
  }
}

async function mustBeReplica(session: ControlSession): Promise<void> {
  const [row] = await session.query('SELECT pg_is_in_recovery() AS standby');
  if (row?.['standby'] === 't') return;
  throw new ProxyError('NODE_REFUSED', {
    side: 'server',
    retry: 'no',
    tell: `${session.target.node} is not a replica: it must be made one by a fresh copy before it can follow`,
  });
}

interface UpstreamNow {
  /** Only some may read it (pg_read_all_settings); who may not loses what else was set there. `check` says so. */
  readonly conninfo: string | undefined;
  readonly slot: string;
  /** Process id of the receiver; '' if there is none. */
  readonly receiver: string;
}

async function upstreamNow(session: ControlSession): Promise<UpstreamNow> {
  const [row] = await session.query(`
    SELECT (SELECT setting FROM pg_settings WHERE name = 'primary_conninfo') AS conninfo,
           current_setting('primary_slot_name') AS slot,
           (SELECT pid FROM pg_stat_wal_receiver) AS receiver`);
  return {
    conninfo: row?.['conninfo'] ?? undefined,
    slot: row?.['slot'] ?? '',
    receiver: row?.['receiver'] ?? '',
  };
}

/** Where a primary was when it was asked to be followed. */
interface Goal {
  readonly timeline: number;
  readonly lsn: string;
}

async function goalOf(session: ControlSession): Promise<Goal> {
  const [row] = await session.query(
    'SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8) AS file, pg_current_wal_lsn() AS lsn',
  );
  return { timeline: timelineOfFile(row?.['file'] ?? ''), lsn: row?.['lsn'] ?? '' };
}

const RECEIVER = `
SELECT pid, status, received_tli AS timeline, sender_host AS host, sender_port AS port, replayed,
       replayed >= $1::pg_lsn AS there, received,
       received > greatest(replayed, $1::pg_lsn)
         AND (received - '0/0') % pg_size_bytes(current_setting('wal_segment_size')) = 0 AS stuck
FROM (SELECT pg_last_wal_replay_lsn() AS replayed, pg_last_wal_receive_lsn() AS received) AS here
     LEFT JOIN pg_stat_wal_receiver ON true`;

/**
 * What was received ends with a WAL segment, in the middle of a record, and the new primary has not come so far:
 * the replica waits for the rest of a record that does not exist. A restart changes nothing; when the primary has
 * come so far, the replica's server ends with a PANIC, and goes on if it is started again *(tried: 18.4)*.
 */
function stuck({ target }: ControlSession, { received, replayed }: Row): ProxyError {
  return new ProxyError('NODE_REFUSED', {
    side: 'server',
    retry: 'no',
    tell: `${target.node} cannot go on: it has received up to ${received}, the end of a WAL segment, in the middle of a record that was lost with the old primary (it begins at ${replayed}); make ${target.node} a fresh copy`,
  });
}

/** A replica that streams may be at such a place in passing; one that stands there for so many looks is stuck. */
const STANDS = 20;

/** A replica with much to replay is believed when one receiver has streamed for so long, in ms. */
const SETTLED = 1_000;

/**
 * Waits for the receiver's own word. That it streams once is not enough: where the primary refuses, receivers start
 * and die in turn. `former` is one that is about to end.
 */
async function streaming(
  session: ControlSession,
  { endpoint }: Upstream,
  goal: Goal,
  former: string | undefined,
): Promise<void> {
  let seen: Row = {};
  let since = performance.now();
  let streamer: string | undefined;
  let stands = 0;
  await until(
    session.signal,
    () => `${receiverIn(seen)}; timeline ${goal.timeline} was at ${goal.lsn}; look into its log`,
    async () => {
      const before = seen['received'];
      [seen = {}] = await session.query(RECEIVER, [goal.lsn]);
      stands = seen['stuck'] === 't' && seen['received'] === before ? stands + 1 : 0;
      if (stands >= STANDS) throw stuck(session, seen);
      const streams =
        seen['status'] === 'streaming' &&
        seen['pid'] !== former &&
        seen['host'] === endpoint.host &&
        Number(seen['port']) === endpoint.port &&
        Number(seen['timeline']) === goal.timeline;
      const pid = streams ? (seen['pid'] ?? undefined) : undefined;
      if (pid === undefined || pid !== streamer) since = performance.now();
      streamer = pid;
      return streams && (seen['there'] === 't' || performance.now() - since >= SETTLED);
    },
  );
}

function receiverIn(row: Row): string {
  const { pid, status, host, port, timeline, replayed } = row;
  const receiver =
    pid === null || pid === undefined
      ? 'it receives nothing'
      : `its receiver is ${status} on timeline ${timeline} from ${host}:${port}`;
  return `${receiver} and it has replayed up to ${replayed}`;
}
