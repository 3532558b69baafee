import type { PinReason, Rule } from './intent.ts';
import type { NodeId } from './node.ts';

/** How often something happened; kept by reference, so that counting is one addition. */
export interface Tally {
  count: number;
}

/** More rules than any engine has: past this they are counted together. */
const MOST_RULES = 200;
const OTHER: Rule = 'other';

/**
 * Per-query figures of one node: plain numbers that the data plane adds to and a scrape reads. `…Now`
 * rises and falls, the others only grow. Bytes, milliseconds.
 */
export class NodeCounters {
  readonly node: NodeId;
  /** Server connections being opened, and open. */
  openingNow = 0;
  openNow = 0;
  /** Of the open ones: those that owe a reply or are held by a session. */
  busyNow = 0;
  /** Units that wait for a server connection; how many ever had to, how long together, how many in vain. */
  waitingNow = 0;
  waits = 0;
  waitedMs = 0;
  waitsFailed = 0;
  bytesToServer = 0;
  bytesFromServer = 0;
  /** Links that are shared, and units owed on them. */
  lanesNow = 0;
  laneOwedNow = 0;
  /** Units on shared links; how many were ahead of each, and the work behind those, together. */
  laneUnits = 0;
  laneDepth = 0;
  laneBehindMs = 0;
  /** Writes that they left in. */
  laneWrites = 0;
  /** Units that were sent again because others were in their way; units that left state behind on a shared link. */
  laneRescues = 0;
  lanePoisoned = 0;
  readonly #units = new Map<Rule, Tally>();

  constructor(node: NodeId) {
    this.node = node;
  }

  /** Units sent to this node because of a rule: `counters.units(rule).count++`. */
  units(rule: Rule): Tally {
    const known = this.#units.get(rule);
    if (known !== undefined) return known;
    if (this.#units.size >= MOST_RULES && rule !== OTHER) return this.units(OTHER);
    const tally: Tally = { count: 0 };
    this.#units.set(rule, tally);
    return tally;
  }

  /** For the scrape. */
  get unitsByRule(): ReadonlyMap<Rule, Readonly<Tally>> {
    return this.#units;
  }
}

/** Per-query figures of one cluster. One writer (the data plane), any number of readers. */
export class Counters {
  /** In the order of the configuration. */
  readonly nodes: readonly NodeCounters[];
  /** Sessions that are authenticated. */
  clientsNow = 0;
  bytesFromClients = 0;
  bytesToClients = 0;
  /** Units that wait for a primary, and their bytes. */
  heldNow = 0;
  heldBytesNow = 0;
  readonly #byNode = new Map<NodeId, NodeCounters>();
  readonly #pinned = new Map<PinReason, Tally>();

  constructor(nodes: readonly NodeId[]) {
    this.nodes = nodes.map((node) => new NodeCounters(node));
    for (const counters of this.nodes) this.#byNode.set(counters.node, counters);
  }

  /** A node's figures. Throws for a node that is not configured. */
  of(node: NodeId): NodeCounters {
    const found = this.#byNode.get(node);
    if (found === undefined) throw new Error(`no counters for node ${node}`);
    return found;
  }

  /** Sessions pinned now for a reason: `counters.pinned(reason).count++` and `--`. */
  pinned(reason: PinReason): Tally {
    const known = this.#pinned.get(reason);
    if (known !== undefined) return known;
    const tally: Tally = { count: 0 };
    this.#pinned.set(reason, tally);
    return tally;
  }

  /** For the scrape. */
  get pinnedByReason(): ReadonlyMap<PinReason, Readonly<Tally>> {
    return this.#pinned;
  }
}
