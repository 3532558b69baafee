import type { NodeId } from '../core/node.ts';
import type { NodeView, View } from '../core/view.ts';
import type { ClusterEvent } from './cluster.ts';

/**
 * Tells what happens to the nodes in plain lines: fed with every view and its time (monotonic ms), it gives
 * the lines that the view adds. Until all nodes have been seen up once it says nothing.
 */
export class Story {
  #view: View | undefined;
  /** The last primary, and since when there has been none. */
  #primary: NodeId | undefined;
  #lostAt: number | undefined;
  readonly #pidOf: (node: NodeId) => number | undefined;

  /** `pidOf`: a node's process id, for whoever wants to kill the new primary as well. */
  constructor(pidOf: (node: NodeId) => number | undefined) {
    this.#pidOf = pidOf;
  }

  /** Whether the whole cluster has been seen: a primary, and every node up. */
  get hasBegun(): boolean {
    return this.#view !== undefined;
  }

  /** What each node is at the moment; empty before the story has begun. */
  get nodes(): readonly NodeView[] {
    return this.#view?.nodes ?? [];
  }

  next(view: View, at: number): string[] {
    const before = this.#view;
    if (before === undefined && !isWhole(view)) return [];
    this.#view = view;
    if (before === undefined) {
      this.#primary = view.primary ?? undefined;
      return [];
    }
    const lines = this.#primaryLines(view, at);
    for (const node of view.nodes) {
      const old = before.nodes.find(({ id }) => id === node.id);
      const line = old === undefined ? undefined : nodeLine(old, node, view);
      if (line !== undefined) lines.push(line);
    }
    return lines;
  }

  #primaryLines(view: View, at: number): string[] {
    const old = this.#primary;
    if (view.primary === null) {
      if (this.#lostAt !== undefined) return [];
      this.#lostAt = at;
      return [`there is no primary${because(view.holding)}; writes wait, reads go on`];
    }
    const lostAt = this.#lostAt;
    if (view.primary === old && lostAt === undefined) return [];
    this.#primary = view.primary;
    this.#lostAt = undefined;
    const pause =
      lostAt === undefined ? '' : ` (writes were held for ${((at - lostAt) / 1000).toFixed(1)} s)`;
    if (view.primary === old) return [`${old} is the primary again${pause}`];
    const pid = this.#pidOf(view.primary);
    const process = pid === undefined ? '' : `, process ${pid}`;
    return [`${old} is lost; ${view.primary} is the primary now${process}${pause}`];
  }
}

/** What the cluster's own keeper does to a node, as a line. */
export function keeperLine(event: ClusterEvent, restartAfterMs: number | undefined): string {
  const { node } = event;
  switch (event.kind) {
    case 'died':
      return restartAfterMs === undefined
        ? `${node} has died`
        : `${node} has died; it is started again in ${restartAfterMs / 1000} s`;
    case 'restarted':
      return `${node} has been started again`;
    case 'restart-failed':
      return `${node} could not be started again: ${event.reason}`;
    case 'rejoining':
      return `${node} is made a replica of the primary`;
    case 'rejoined':
      return `${node} streams from the primary`;
  }
}

function isWhole(view: View): boolean {
  return view.primary !== null && view.nodes.every(({ state }) => state === 'up');
}

/** Only what the lines about the primary and the keeper do not say already. */
function nodeLine(old: NodeView, node: NodeView, view: View): string | undefined {
  if (old.state === node.state) return undefined;
  switch (node.state) {
    case 'up':
      return node.id === view.primary ? undefined : `${node.id} is up as a ${node.role}`;
    case 'quarantined':
      return `${node.id} may not take part${because(node.reason)}`;
    case 'down':
      return `${node.id} is down${because(node.reason)}`;
    case 'starting':
    case 'unknown':
      return undefined;
  }
}

function because(reason: string): string {
  return reason === '' ? '' : `: ${reason}`;
}
