import { until } from '../net/waiting.ts';
import { waitForReplicas } from './acknowledgement.ts';
import { type Channel, channelsIn, channelsQuery } from './channels.ts';
import { refused } from './control-error.ts';
import type { ControlSession } from './control-session.ts';
import { literalOf, nameOf } from './quoting.ts';
import { refusesWrites, takeWrites } from './read-only.ts';

/**
 * Promotes a replica: it stops receiving, applies what it has received, forgets whom it followed, waits for
 * replicas as the old primary did, and takes writes. A node that takes writes and follows nobody is done already.
 * These servers have no branches: '' is given.
 */
export async function promote(session: ControlSession): Promise<{ readonly branch: string }> {
  await mustNotElectItself(session);
  const channels = await channelsOf(session);
  if (channels.length === 0 && !(await refusesWrites(session))) return { branch: '' };
  for (const channel of channels) {
    // First: a MariaDB whose two threads both stand throws away what it has received as soon as one of them starts.
    if (channel.applier !== 'Yes') await session.query(words(session, 'apply', channel.name));
    await session.query(words(session, 'stop receiving', channel.name));
  }
  await applied(session);
  for (const { name } of channels) {
    await session.query(words(session, 'stop', name));
    await session.query(words(session, 'forget', name));
  }
  await waitForReplicas(session);
  await takeWrites(session);
  if (!session.isMaria) await enableEvents(session);
  return { branch: '' };
}

type Doing = 'stop receiving' | 'apply' | 'stop' | 'forget';

function words({ isMaria }: ControlSession, doing: Doing, name: string): string {
  const maria = {
    'stop receiving': `STOP SLAVE ${literalOf(name)} IO_THREAD`,
    apply: `START SLAVE ${literalOf(name)} SQL_THREAD`,
    stop: `STOP SLAVE ${literalOf(name)}`,
    forget: `RESET SLAVE ${literalOf(name)} ALL`,
  };
  const channel = `FOR CHANNEL ${literalOf(name)}`;
  const mysql = {
    'stop receiving': `STOP REPLICA IO_THREAD ${channel}`,
    apply: `START REPLICA SQL_THREAD ${channel}`,
    stop: `STOP REPLICA ${channel}`,
    forget: `RESET REPLICA ALL ${channel}`,
  };
  return (isMaria ? maria : mysql)[doing];
}

async function channelsOf(session: ControlSession): Promise<Channel[]> {
  return channelsIn(await session.query(channelsQuery(session.isMaria)));
}

/** Seconds that the server itself waits in one question, so that an applier that fails is seen soon. */
const ASK_WITHIN = 0.2;

/** All that was received is applied; an applier that fails ends the wait. */
async function applied(session: ControlSession): Promise<void> {
  let waiting = '';
  await until(
    session.signal,
    () => `it has not applied all that it has received (up to ${waiting})`,
    async () => {
      for (const channel of await channelsOf(session)) {
        waiting = channel.received;
        if (channel.received === '' || (await hasApplied(session, channel.received))) continue;
        if (channel.applier === 'Yes') return false;
        const why = channel.applierError === '' ? 'it stopped' : channel.applierError;
        throw refused(`${session.target.node} cannot apply what it has received: ${why}`);
      }
      return true;
    },
  );
}

async function hasApplied(session: ControlSession, received: string): Promise<boolean> {
  const call = session.isMaria ? 'MASTER_GTID_WAIT' : 'WAIT_FOR_EXECUTED_GTID_SET';
  const [row] = await session.query(`SELECT ${call}(${literalOf(received)}, ${ASK_WITHIN}) AS late`);
  return row?.['late'] === '0';
}

/** Galera and Group Replication elect by themselves; a second authority would part them. */
async function mustNotElectItself(session: ControlSession): Promise<void> {
  const [row] = await session.query(
    session.isMaria
      ? "SHOW GLOBAL VARIABLES WHERE Variable_name = 'wsrep_on' AND Value = 'ON'"
      : "SHOW GLOBAL STATUS WHERE Variable_name = 'group_replication_primary_member' AND Value <> ''",
  );
  if (row === undefined) return;
  const kind = session.isMaria ? 'Galera' : 'Group Replication';
  throw refused(`${session.target.node} belongs to ${kind}, which elects its primary: use the mode observe`);
}

/**
 * Events of the old primary are there, disabled on a replica (by whichever of its two names). That it may not be
 * allowed is no reason to undo a promotion: `check` says so beforehand.
 */
async function enableEvents(session: ControlSession): Promise<void> {
  const events = await session.query(
    "SELECT EVENT_SCHEMA AS `in`, EVENT_NAME AS name FROM information_schema.EVENTS WHERE STATUS IN ('SLAVESIDE_DISABLED', 'REPLICA_SIDE_DISABLED')",
  );
  for (const { in: schema, name } of events) {
    await session
      .query(`ALTER EVENT ${nameOf(schema ?? '')}.${nameOf(name ?? '')} ENABLE`)
      .catch(() => undefined);
  }
}
