import type { ControlOptions } from '../core/engine.ts';
import type { Target } from '../core/wire.ts';
import { ClientTls } from '../net/tls.ts';
import { until } from '../net/waiting.ts';
import { type Acknowledging, acknowledge } from './acknowledgement.ts';
import { type Channel, channelsIn, channelsQuery } from './channels.ts';
import { refused } from './control-error.ts';
import type { ControlSession } from './control-session.ts';
import { errantOn, mustContain, primaryNow } from './history.ts';
import { literalOf } from './quoting.ts';
import { refusesWrites, refuseWrites } from './read-only.ts';

type On = <T>(call: (session: ControlSession) => Promise<T>) => Promise<T>;

export interface Repointing {
  readonly replica: On;
  readonly primary: On;
  readonly source: Target;
  /** The account to stream with. */
  readonly login: ControlOptions['replication'];
}

/**
 * Makes a read-only node receive from a primary by GTIDs. Refused where the node has transactions that the primary
 * lacks: they would be lost, or spread. Resolves when it receives and applies.
 */
export async function follow({ replica, primary, source, login }: Repointing): Promise<void> {
  await replica(async (session) => {
    const channels = await channelsOf(session);
    const usual = channels[0];
    if (channels.length > 1) {
      throw refused(`${session.target.node} receives from ${channels.length} primaries: repoint it by hand`);
    }
    if (usual === undefined && !(await refusesWrites(session))) {
      throw refused(`${session.target.node} takes writes: it must be fenced before it can follow`);
    }
    await refuseWrites(session);
    await primary((other) => untilContained(session, other));
    const there = await primary(primaryNow);
    const from = `${source.endpoint.host}:${source.endpoint.port}`;
    const stays = usual?.from === from && usual.byGtid && usual.receiver === 'Yes' && usual.applier === 'Yes';
    if (!stays) await repoint(session, usual, { source, login, there });
    await receiving(session, from);
  });
}

/** What has just been acknowledged by this node is not yet in the primary's own set: asked a few times. */
async function untilContained(session: ControlSession, primary: ControlSession): Promise<void> {
  for (let left = 3; ; left--) {
    const errant = await errantOn(session, primary);
    if (errant === '') return;
    if (left <= 0) mustContain(session, primary, errant);
    await session.query('SELECT SLEEP(0.1)');
  }
}

interface Upstream {
  readonly source: Target;
  readonly login: ControlOptions['replication'];
  readonly there: Acknowledging;
}

async function repoint(
  session: ControlSession,
  former: Channel | undefined,
  upstream: Upstream,
): Promise<void> {
  const name = former?.name ?? '';
  const statements = session.isMaria
    ? mariaWords(name, former === undefined, await demotion(session), upstream)
    : mysqlWords(name, former === undefined, upstream);
  const [stop, change, start] = statements;
  if (former !== undefined) await session.query(stop);
  await acknowledge(session, upstream.there);
  await session.query(change);
  await session.query(start);
}

type Statements = readonly [stop: string, change: string, start: string];

/** Ms without a word after which a receiver asks again is replica_net_timeout; the primary's heartbeat prevents it. */
const HEARTBEAT_S = 1;

/** What is not named stays as it was on a channel that is there: TLS files above all. */
function mysqlWords(name: string, isNew: boolean, { source, login }: Upstream): Statements {
  const channel = `FOR CHANNEL ${literalOf(name)}`;
  const options = [
    `SOURCE_HOST = ${literalOf(source.endpoint.host)}`,
    `SOURCE_PORT = ${source.endpoint.port}`,
    `SOURCE_USER = ${literalOf(login.user)}`,
    `SOURCE_PASSWORD = ${literalOf(login.password ?? '')}`,
    'SOURCE_AUTO_POSITION = 1',
    'GET_SOURCE_PUBLIC_KEY = 1',
    'SOURCE_CONNECT_RETRY = 1',
    'SOURCE_RETRY_COUNT = 0',
    `SOURCE_HEARTBEAT_PERIOD = ${HEARTBEAT_S}`,
    ...(isNew && demandsTls(source) ? ['SOURCE_SSL = 1'] : []),
  ];
  return [
    `STOP REPLICA ${channel}`,
    `CHANGE REPLICATION SOURCE TO ${options.join(', ')} ${channel}`,
    `START REPLICA ${channel}`,
  ];
}

function mariaWords(
  name: string,
  isNew: boolean,
  demotion: readonly string[],
  { source, login }: Upstream,
): Statements {
  const connection = literalOf(name);
  const options = [
    `MASTER_HOST = ${literalOf(source.endpoint.host)}`,
    `MASTER_PORT = ${source.endpoint.port}`,
    `MASTER_USER = ${literalOf(login.user)}`,
    `MASTER_PASSWORD = ${literalOf(login.password ?? '')}`,
    'MASTER_USE_GTID = slave_pos',
    'MASTER_CONNECT_RETRY = 1',
    `MASTER_HEARTBEAT_PERIOD = ${HEARTBEAT_S}`,
    ...demotion,
    ...(isNew && demandsTls(source) ? ['MASTER_SSL = 1'] : []),
  ];
  return [
    `STOP SLAVE ${connection}`,
    `CHANGE MASTER ${connection} TO ${options.join(', ')}`,
    `START SLAVE ${connection}`,
  ];
}

const demandsTls = ({ tls }: Target): boolean => tls instanceof ClientTls && tls.required;

/**
 * What a MariaDB has written itself is not in gtid_slave_pos, by which it asks for more: since 10.10 an option of
 * CHANGE MASTER adds it; before, it is set.
 */
async function demotion(session: ControlSession): Promise<string[]> {
  const [row] = await session.query(
    'SELECT @@global.gtid_slave_pos AS applied, @@global.gtid_current_pos AS present',
  );
  if (row === undefined || row['applied'] === row['present']) return [];
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(session.version) ?? []).slice(1).map(Number);
  if (major > 10 || (major === 10 && minor >= 10)) return ['MASTER_DEMOTE_TO_SLAVE = 1'];
  await session.query('SET GLOBAL gtid_slave_pos = @@global.gtid_current_pos');
  return [];
}

async function channelsOf(session: ControlSession): Promise<Channel[]> {
  return channelsIn(await session.query(channelsQuery(session.isMaria)));
}

/** Waits for the receiver's and the applier's own word; one that gave up says why. */
async function receiving(session: ControlSession, from: string): Promise<void> {
  let seen: Channel | undefined;
  await until(
    session.signal,
    () => described(seen),
    async () => {
      [seen] = await channelsOf(session);
      const gaveUp = seen === undefined || seen.receiver === 'No' || seen.applier === 'No';
      const why = [seen?.receiverError, seen?.applierError].filter(
        (text) => text !== undefined && text !== '',
      );
      if (gaveUp && why.length > 0)
        throw refused(`${session.target.node} does not receive from ${from}: ${why.join('; ')}`);
      return seen?.receiver === 'Yes' && seen.applier === 'Yes' && seen.from === from;
    },
  );
}

function described(channel: Channel | undefined): string {
  if (channel === undefined) return 'it is set up to receive from nobody';
  const { receiver, applier, from, receiverError } = channel;
  const error = receiverError === '' ? '' : ` (${receiverError})`;
  return `receiving from ${from}: ${receiver}${error}; applying: ${applier}`;
}
