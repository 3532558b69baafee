import { Counters } from '../core/counters.ts';
import type { PinReason, Rule } from '../core/intent.ts';
import type { NodeId } from '../core/node.ts';

/** Server connections of one node, user and database, now. */
export interface PoolFigures {
  readonly node: NodeId;
  readonly user: string;
  readonly database: string;
  readonly open: number;
  readonly busy: number;
  readonly waiting: number;
  /** Of the busy ones: those that sessions share, and the requests under way on them. */
  readonly lanes: number;
  readonly laneOwed: number;
}

interface NodeFigures {
  readonly node: NodeId;
  readonly numbers: Readonly<Record<string, number>>;
  readonly units: readonly (readonly [Rule, number])[];
}

/** The counters of one cluster in one process as plain data. */
export interface Figures {
  readonly numbers: Readonly<Record<string, number>>;
  readonly pinned: readonly (readonly [PinReason, number])[];
  readonly nodes: readonly NodeFigures[];
  readonly pools: readonly PoolFigures[];
}

export function figuresOf(counters: Counters, pools: readonly PoolFigures[]): Figures {
  return {
    numbers: numbersOf(counters),
    pinned: [...counters.pinnedByReason].map(([reason, { count }]) => [reason, count] as const),
    nodes: counters.nodes.map((node) => ({
      node: node.node,
      numbers: numbersOf(node),
      units: [...node.unitsByRule].map(([rule, { count }]) => [rule, count] as const),
    })),
    pools,
  };
}

/** All plain numbers of an object: whoever counts something new need not come here. */
function numbersOf(object: object): Record<string, number> {
  const numbers: Record<string, number> = {};
  for (const [name, value] of Object.entries(object)) if (typeof value === 'number') numbers[name] = value;
  return numbers;
}

/**
 * Adds figures to counters. `alive`: of a process that runs; of one that has ended only what grows counts, not
 * what is now (`…Now`, pins).
 */
function addTo(counters: Counters, figures: Figures, alive: boolean): void {
  addNumbers(counters, figures.numbers, alive);
  if (alive) for (const [reason, count] of figures.pinned) counters.pinned(reason).count += count;
  for (const { node, numbers, units } of figures.nodes) {
    const of = counters.of(node);
    addNumbers(of, numbers, alive);
    for (const [rule, count] of units) of.units(rule).count += count;
  }
}

function addNumbers(to: object, numbers: Readonly<Record<string, number>>, alive: boolean): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (!alive && name.endsWith('Now')) continue;
    const before: unknown = Reflect.get(to, name);
    Reflect.set(to, name, (typeof before === 'number' ? before : 0) + value);
  }
}

/** One entry a node, user and database. */
export function summedPools(all: Iterable<PoolFigures>): PoolFigures[] {
  const sums = new Map<string, PoolFigures>();
  for (const pool of all) {
    const name = JSON.stringify([pool.node, pool.user, pool.database]);
    const sum = sums.get(name);
    const { open = 0, busy = 0, waiting = 0, lanes = 0, laneOwed = 0 } = sum ?? {};
    sums.set(name, {
      ...pool,
      open: open + pool.open,
      busy: busy + pool.busy,
      waiting: waiting + pool.waiting,
      lanes: lanes + pool.lanes,
      laneOwed: laneOwed + pool.laneOwed,
    });
  }
  return [...sums.values()];
}

/** What a worker has counted outlives it: sums over all that ever were never fall. */
export class Sum {
  readonly #nodes: readonly NodeId[];
  /** Of workers that have ended. */
  readonly #past: Counters;
  /** The last of each that lives. */
  readonly #last = new Map<number, Figures>();

  constructor(nodes: readonly NodeId[]) {
    this.#nodes = nodes;
    this.#past = new Counters(nodes);
  }

  told(slot: number, figures: Figures): void {
    this.#last.set(slot, figures);
  }

  ended(slot: number): void {
    const figures = this.#last.get(slot);
    this.#last.delete(slot);
    if (figures !== undefined) addTo(this.#past, figures, false);
  }

  /** `silent`: workers that did not answer just now; of these what is now is left out. */
  counters(silent: ReadonlySet<number> = new Set()): Counters {
    const sum = new Counters(this.#nodes);
    addTo(sum, figuresOf(this.#past, []), false);
    for (const [slot, figures] of this.#last) addTo(sum, figures, !silent.has(slot));
    return sum;
  }

  pools(silent: ReadonlySet<number> = new Set()): PoolFigures[] {
    return summedPools([...this.#last].flatMap(([slot, { pools }]) => (silent.has(slot) ? [] : pools)));
  }
}
