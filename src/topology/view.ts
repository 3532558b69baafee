import type { Positions } from '../core/engine.ts';
import type { Role, Seen } from '../core/node.ts';
import type { NodeState, NodeView, View } from '../core/view.ts';
import {
  factsOf,
  isGone,
  type NodeFacts,
  type Patience,
  type Standing,
  saysStarting,
  type World,
} from '../core/world.ts';

/** What was seen and what was decided, as one View. Pure; `version` is the store's. */
export function viewOf(
  world: World,
  standing: Standing,
  positions: Positions,
  patience: Patience,
): Omit<View, 'version'> {
  const seen = standing.primary === null ? undefined : factsOf(world, standing.primary)?.seen;
  const primary = seen?.role === 'primary' ? seen : undefined;
  return {
    epoch: standing.epoch,
    primary: standing.primary,
    nodes: world.nodes.map((facts) => nodeView(facts, standing, primary, positions, patience)),
    writableUntil: Number.POSITIVE_INFINITY,
    holding: standing.holding,
  };
}

function nodeView(
  facts: NodeFacts,
  standing: Standing,
  primary: Seen | undefined,
  positions: Positions,
  patience: Patience,
): NodeView {
  const { spec, seen } = facts;
  const { state, reason } = stateOf(facts, standing, patience);
  const behind = seen !== undefined && primary !== undefined && state !== 'quarantined';
  // What a node said as a replica says nothing of what it has as the primary: the writes of others it had yet to replay.
  const isPositioned = spec.id !== standing.primary || primary !== undefined;
  return {
    id: spec.id,
    endpoint: spec.endpoint,
    role: roleOf(facts, standing),
    state,
    reason,
    weight: spec.weight,
    links: state !== 'quarantined' && !standing.closed.includes(spec.id),
    position: isPositioned ? seen?.position : undefined,
    askedAt: seen?.askedAt ?? 0,
    branch: seen?.branch ?? '',
    version: seen?.version ?? '',
    lagBytes: behind ? lag(positions, seen, primary) : undefined,
  };
}

/** A replica may have replayed more than the primary's older answer shows: that is no lag. */
function lag(positions: Positions, seen: Seen, primary: Seen): number | undefined {
  const order = positions.compare(seen.position, primary.position);
  if (order === 'equal' || order === 'after') return 0;
  return order === 'before' ? positions.distance(seen.position, primary.position) : undefined;
}

function roleOf(facts: NodeFacts, standing: Standing): Role | 'unknown' {
  if (facts.spec.id === standing.primary) return 'primary';
  return facts.seen?.role ?? 'unknown';
}

interface StateAndReason {
  readonly state: NodeState;
  readonly reason: string;
}

function stateOf(facts: NodeFacts, standing: Standing, patience: Patience): StateAndReason {
  const { id } = facts.spec;
  const outcast = standing.quarantined.find((entry) => entry.node === id);
  if (outcast !== undefined) return { state: 'quarantined', reason: outcast.reason };
  const identity = facts.seen?.identity;
  if (identity !== undefined && standing.identity !== '' && identity !== standing.identity) {
    const reason = `it belongs to another cluster (identity ${identity}; here it is ${standing.identity})`;
    return { state: 'quarantined', reason };
  }
  const { last } = facts;
  if (last === undefined) return { state: 'unknown', reason: 'it has not been probed yet' };
  if (last.kind === 'seen') return { state: 'up', reason: '' };
  if (saysStarting(last.failure)) return { state: 'starting', reason: last.message };
  const reason = `${last.failure}: ${last.message}`;
  // One lost probe closes no door to the primary: its open links go on until the loss is sure.
  const patient = id === standing.primary && !isGone(facts, patience);
  return { state: patient ? 'up' : 'down', reason };
}
