import type { Positions } from '../core/engine.ts';
import type { Position } from '../core/position.ts';

/** A node's place in the history of its cluster. */
export interface Place {
  readonly branch: string;
  readonly position: Position | undefined;
}

/** Branches that are whole numbers grow with every promotion; others have no order of their own. */
function branchOrder(a: string, b: string): 'newer' | 'older' | 'same' | 'unknown' {
  if (a === b && a !== '') return 'same';
  if (!/^\d+$/.test(a) || !/^\d+$/.test(b)) return 'unknown';
  const difference = BigInt(a) - BigInt(b);
  return difference > 0n ? 'newer' : difference < 0n ? 'older' : 'same';
}

/**
 * Whether it is certain that `a` came after `b`: on a greater branch, however much was written on the lesser
 * since, or, where branches say nothing, with all of `b` and more. Two places on one branch have no order.
 */
export function supersedes(a: Place, b: Place, positions: Positions): boolean {
  const order = branchOrder(a.branch, b.branch);
  if (order !== 'unknown') return order === 'newer';
  if (a.position === undefined || b.position === undefined) return false;
  return positions.compare(b.position, a.position) === 'before';
}

/** Whether both branches are numbers and `a` is the greater. */
export const isNewerBranch = (a: string, b: string): boolean => branchOrder(a, b) === 'newer';
