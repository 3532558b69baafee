import type { ProxyError } from '../core/errors.ts';
import type { Begin, Intent, Rule } from '../core/intent.ts';
import type { NodeId } from '../core/node.ts';
import type { Order, Position } from '../core/position.ts';
import type { NodeView, View } from '../core/view.ts';
import { noReplica } from './refusals.ts';
import type { ROUTE_RULES } from './rules.ts';

/** Where a unit goes, or why it waits or is refused. */
export type Route =
  | { readonly to: NodeId; readonly because: Rule }
  | { readonly hold: string }
  | { readonly refuse: ProxyError };

/** How new a read must be. `session`: it sees the session's own writes and never goes back in time. */
export type Level = 'eventual' | 'session' | 'primary';

/** A rule of the router's own. */
type RouteRule = keyof typeof ROUTE_RULES;

/** What a session brings to the choice of a node. */
export interface RouteFacts {
  readonly level: Level;
  /** A replica must have replayed this; undefined: any will do. */
  readonly floor: Position | undefined;
  /** The session wrote, and no position at or past that write is known yet. */
  readonly floorUnknown: boolean;
  /** The replica the session has read from: it keeps to it, so that reads never go back in time. */
  readonly sticky: NodeId | undefined;
  /** A node that has just failed this unit. */
  readonly exclude: NodeId | undefined;
  /** The unit must run on the primary, whatever it is. */
  readonly primaryOnly: boolean;
  /** A transaction that was opened and not sent yet. */
  readonly begin: Begin | undefined;
}

/** What the configuration and the moment bring. */
export interface RouteRules {
  /** False: everything goes to the primary. */
  readonly replicas: boolean;
  /** What a read does when no replica is eligible. */
  readonly noReplica: 'primary' | 'error';
  /** A replica further behind takes no reads; undefined: no bound. */
  readonly maxLagBytes: number | undefined;
  readonly compare: (a: Position, b: Position) => Order;
  /** How loaded a node is; the least loaded by weight is chosen. */
  readonly load: (node: NodeId) => number;
}

/**
 * Decides where one unit goes. Pure. The primary, unless the unit is proven a single plain read and a replica
 * may answer it.
 */
export function route(intent: Intent, facts: RouteFacts, view: View, rules: RouteRules): Route {
  const why = primaryBecause(intent, facts, rules);
  if (why !== undefined) return toPrimary(view, why, facts.exclude);
  const named = intent.hint?.to === 'node' ? intent.hint.node : undefined;
  if (named === undefined && facts.level === 'session' && facts.sticky !== undefined) {
    // Another replica may be behind what this one has shown: not before the floor is known again.
    const sticky = view.nodes.find((node) => node.id === facts.sticky);
    if (sticky !== undefined && mayServe(sticky, facts, rules))
      return { to: sticky.id, because: intent.because };
    return toPrimary(view, own('C02'), facts.exclude);
  }
  const replica = chooseReplica(facts, view, rules, named);
  if (replica !== undefined) return { to: replica, because: intent.because };
  if (rules.noReplica === 'error' && view.primary !== null) return { refuse: noReplica() };
  return toPrimary(view, own('N01'), facts.exclude);
}

/** The rule that keeps a unit on the primary; undefined: a replica may have it. */
function primaryBecause(intent: Intent, facts: RouteFacts, rules: RouteRules): Rule | undefined {
  if (intent.kind !== 'read' && !(intent.kind === 'session' && readOnly(facts.begin))) return intent.because;
  if (facts.primaryOnly) return own('N02');
  if (facts.begin !== undefined && !readOnly(facts.begin)) return own('N04');
  if (intent.begin !== undefined && !readOnly(intent.begin)) return own('N04');
  if (intent.hint?.to === 'primary') return own('H01');
  if (!rules.replicas || facts.level === 'primary') return own('N03');
  // A hint may ask for a replica, but never for one that hides the session's own write.
  if (facts.level === 'session' && facts.floorUnknown) return own('C01');
  return undefined;
}

const readOnly = (begin: Begin | undefined): boolean =>
  begin?.readOnly === true && begin.serializable === false;

function toPrimary(view: View, because: Rule, exclude: NodeId | undefined): Route {
  if (view.primary === null) return { hold: view.holding };
  if (view.primary === exclude) return { hold: `waiting for another primary than ${exclude}` };
  return { to: view.primary, because };
}

function chooseReplica(
  facts: RouteFacts,
  view: View,
  rules: RouteRules,
  named: string | undefined,
): NodeId | undefined {
  let best: NodeView | undefined;
  let bestLoad = Number.POSITIVE_INFINITY;
  for (const node of view.nodes) {
    if (!mayServe(node, facts, rules)) continue;
    if (named !== undefined) {
      if (node.id === named) return node.id;
      continue;
    }
    const load = (rules.load(node.id) + 1) / node.weight;
    if (load < bestLoad) {
      best = node;
      bestLoad = load;
    }
  }
  return best?.id;
}

/** A replica that is up, takes reads, and has replayed what the session must see. */
function mayServe(node: NodeView, facts: RouteFacts, rules: RouteRules): boolean {
  if (node.role !== 'replica' || node.state !== 'up' || !node.links || node.weight <= 0) return false;
  if (node.id === facts.exclude) return false;
  if (rules.maxLagBytes !== undefined && (node.lagBytes ?? 0) > rules.maxLagBytes) return false;
  if (facts.level !== 'session' || facts.floor === undefined) return true;
  if (node.position === undefined) return false;
  const order = rules.compare(node.position, facts.floor);
  return order === 'after' || order === 'equal';
}

const own = (rule: RouteRule): Rule => rule;
