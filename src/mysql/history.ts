import { type Acknowledging, acknowledging } from './acknowledgement.ts';
import { refused } from './control-error.ts';
import type { ControlSession } from './control-session.ts';
import { formatGtidSet, parseGtidSet, subtract } from './gtid-set.ts';
import { type GtidState, join, parseGtidState, standing, unknownTo } from './gtid-state.ts';
import { refusesWrites } from './read-only.ts';

/** Rejects if the node that is to be followed takes no writes. */
export async function primaryNow(session: ControlSession): Promise<Acknowledging> {
  if (await refusesWrites(session)) {
    throw refused(`${session.target.node} takes no writes: it is not a primary to be followed`);
  }
  return await acknowledging(session);
}

/** Transactions on a node that the primary, asked after it, does not have; '' if there are none. */
export async function errantOn(node: ControlSession, primary: ControlSession): Promise<string> {
  if (!node.isMaria) {
    const own = await setOf(node);
    return formatGtidSet(subtract(own, await setOf(primary)));
  }
  const own = await stateOf(node);
  const there = await stateOf(primary);
  const { ahead, parted } = standing(own, there);
  const unknown = unknownTo(own, there);
  if (!ahead && !parted && unknown.length === 0) return '';
  // Where the last transactions differ and no older one does, they are what is named.
  const last = [...own.last].map(([domain, { server, sequence }]) => `${domain}-${server}-${sequence}`);
  return (unknown.length > 0 ? unknown : last).join(',');
}

async function setOf(session: ControlSession) {
  const [row] = await session.query('SELECT @@global.gtid_executed AS executed');
  return parseGtidSet(row?.['executed'] ?? '') ?? new Map();
}

async function stateOf(session: ControlSession): Promise<GtidState> {
  const [row] = await session.query(
    'SELECT @@global.gtid_binlog_state AS state, @@global.gtid_slave_pos AS applied',
  );
  const none: GtidState = { known: new Map(), last: new Map() };
  return join(parseGtidState(row?.['state'] ?? '') ?? none, parseGtidState(row?.['applied'] ?? '') ?? none);
}

/** Longer lists are cut: they are read by people. */
const SHOWN = 200;

export function mustContain(node: ControlSession, primary: ControlSession, errant: string): never {
  const shown = errant.length > SHOWN ? `${errant.slice(0, SHOWN)}…` : errant;
  throw refused(
    `${node.target.node} has transactions that ${primary.target.node} lacks (${shown}): look at them, then make ${node.target.node} a fresh copy`,
  );
}
