import type { Positions } from '../core/engine.ts';
import { type Order, type Position, position } from '../core/position.ts';
import { exceeds, type GtidSet, isOf, parseGtidSet, size, subtract } from './gtid-set.ts';
import { type GtidState, gap, parseGtidState, serverOf, standing } from './gtid-state.ts';

/**
 * A point in history: MySQL's GTID set or MariaDB's GTID state, then, where a whole node is meant, who it is:
 * `uuid:1-5@p=<own>` on the primary, `uuid:1-5@r=<own>` on any other, `own` being its server_uuid or server_id.
 * Without a mark it is a set of transactions of no node (as a reply tells it).
 */
export interface Owner {
  readonly writes: boolean;
  /** As its GTIDs name it. */
  readonly own: string;
}

export function positionOf(gtids: string, owner: Owner): Position {
  return position(`${gtids.replace(/\s+/g, '')}@${owner.writes ? 'p' : 'r'}=${owner.own}`);
}

/** The GTIDs as the server writes them. */
export function gtidsIn(text: Position): string {
  const at = text.indexOf('@');
  return at < 0 ? text : text.slice(0, at);
}

/** GTIDs count transactions and say nothing of their size: each is taken for so many bytes. */
const TRANSACTION = 1_024;

export const positions: Positions = { compare, distance };

interface Parsed {
  /** Undefined: it has none, or they are the other server's. */
  readonly set: GtidSet | undefined;
  readonly state: GtidState | undefined;
  readonly empty: boolean;
  readonly owner: Owner | undefined;
}

/** Bounded: the same few texts are compared at every read. The oldest goes first. */
const MOST = 256;
const known = new Map<string, Parsed | undefined>();

function parse(text: Position): Parsed | undefined {
  const found = known.get(text);
  if (found !== undefined) return found;
  const parsed = parseNow(text);
  if (known.size >= MOST) for (const oldest of [...known.keys()].slice(0, MOST / 4)) known.delete(oldest);
  known.set(text, parsed);
  return parsed;
}

function parseNow(text: Position): Parsed | undefined {
  const gtids = gtidsIn(text);
  const mark = text.slice(gtids.length);
  const owner = ownerOf(mark);
  if (owner === undefined && mark !== '') return undefined;
  if (gtids === '') return { set: undefined, state: undefined, empty: true, owner };
  const isState = /^\s*\d+-\d+-\d+\s*(?:,|$)/.test(gtids);
  const state = isState ? parseGtidState(gtids) : undefined;
  const set = isState ? undefined : parseGtidSet(gtids);
  if (state === undefined && set === undefined) return undefined;
  return { set, state, empty: (set ?? state?.known)?.size === 0, owner };
}

function ownerOf(mark: string): Owner | undefined {
  const match = /^@([pr])=(.+)$/.exec(mark);
  return match?.[2] === undefined ? undefined : { writes: match[1] === 'p', own: match[2] };
}

function compare(a: Position, b: Position): Order {
  if (a === b) return 'equal';
  const one = parse(a);
  const other = parse(b);
  if (one === undefined || other === undefined) return 'diverged';
  if (one.empty || other.empty)
    return orderOf(!one.empty, !other.empty, hasErrant(one, other) || hasErrant(other, one));
  if (one.set !== undefined && other.set !== undefined) {
    const ahead = exceeds(one.set, other.set);
    const behind = exceeds(other.set, one.set);
    return orderOf(ahead, behind, (ahead && behind) || hasErrant(one, other) || hasErrant(other, one));
  }
  if (one.state === undefined || other.state === undefined) return 'diverged';
  const { ahead, behind, parted } = standing(one.state, other.state);
  return orderOf(
    ahead,
    behind,
    parted || (ahead && behind) || hasErrant(one, other) || hasErrant(other, one),
  );
}

function orderOf(ahead: boolean, behind: boolean, diverged: boolean): Order {
  if (diverged) return 'diverged';
  return ahead ? 'after' : behind ? 'before' : 'equal';
}

/**
 * A node that only receives has written something itself, and the one that writes does not have it: even where
 * nothing was written there since, the two have parted.
 */
function hasErrant(replica: Parsed, writer: Parsed): boolean {
  const { owner } = replica;
  if (owner === undefined || owner.writes || writer.owner?.writes !== true) return false;
  // The same node, when it was the primary: it has written more since.
  if (owner.own === writer.owner.own) return false;
  if (replica.set !== undefined) return ownExcess(replica.set, writer.set ?? new Map(), owner.own);
  if (replica.state === undefined) return false;
  for (const [key, sequence] of replica.state.known) {
    if (serverOf(key) === owner.own && (writer.state?.known.get(key) ?? 0) < sequence) return true;
  }
  return false;
}

function ownExcess(set: GtidSet, other: GtidSet, own: string): boolean {
  for (const [source, intervals] of set) {
    if (isOf(source, own) && exceeds(new Map([[source, intervals]]), other)) return true;
  }
  return false;
}

/** Transactions; 0 where `behind` is at or past `ahead`. */
function distance(behind: Position, ahead: Position): number | undefined {
  const how = compare(behind, ahead);
  if (how === 'diverged') return undefined;
  if (how !== 'before') return 0;
  const one = parse(behind);
  const other = parse(ahead);
  if (other?.set !== undefined) return size(subtract(other.set, one?.set ?? new Map())) * TRANSACTION;
  const none: GtidState = { known: new Map(), last: new Map() };
  return other?.state === undefined ? undefined : gap(one?.state ?? none, other.state) * TRANSACTION;
}
