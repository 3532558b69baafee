import type { Positions } from '../../../src/core/engine.ts';
import { type Order, type Position, position } from '../../../src/core/position.ts';

/** One stretch of a history: which promotion began it, its number, and where it was left (-1: not yet). */
interface Stretch {
  readonly name: string;
  readonly end: number;
}

/** A made-up engine's place in history: stretches in order, and how much was written. */
export interface Place {
  readonly line: readonly Stretch[];
  readonly at: number;
}

export const beginning: Place = { line: [{ name: '1', end: -1 }], at: 1_000 };

export const branchOf = (place: Place): string => place.line.at(-1)?.name.split('/')[0] ?? '';

export const write = (place: Place, bytes: number): Place => ({ ...place, at: place.at + bytes });

/** A new branch that begins where the old one is. Two promotions to one number are told apart by `by`. */
export function fork(place: Place, by: string): Place {
  const ended = place.line.map((stretch) => (stretch.end < 0 ? { ...stretch, end: place.at } : stretch));
  return { line: [...ended, { name: `${Number(branchOf(place)) + 1}/${by}`, end: -1 }], at: place.at };
}

export const textOf = (place: Place): Position => position(JSON.stringify(place));
const read = (text: Position): Place => JSON.parse(text);

const sign = (n: number): Order => (n < 0 ? 'before' : n > 0 ? 'after' : 'equal');

/** Where two histories part; Infinity: one goes on from the other. */
function parting(a: Place, b: Place): number {
  let common = 0;
  for (let i = 0; i < Math.min(a.line.length, b.line.length); i += 1) {
    const one = a.line[i];
    const two = b.line[i];
    if (one === undefined || two === undefined || one.name !== two.name) return common;
    const ends = [one.end, two.end].filter((end) => end >= 0);
    if (ends.length === 0) return Number.POSITIVE_INFINITY;
    common = Math.min(...ends);
    if (one.end !== two.end) return common;
  }
  return common;
}

export const positions: Positions = {
  compare(a, b) {
    const one = read(a);
    const two = read(b);
    const part = parting(one, two);
    if (one.at <= part || two.at <= part) return sign(one.at - two.at);
    return 'diverged';
  },
  distance(behind, ahead) {
    const how = positions.compare(behind, ahead);
    if (how === 'diverged') return undefined;
    return how === 'before' ? read(ahead).at - read(behind).at : 0;
  },
};

/** The same for who may not read where branches began. */
export const blind: Positions = {
  compare: (a, b) => (branchOf(read(a)) === branchOf(read(b)) ? positions.compare(a, b) : 'diverged'),
  distance: (behind, ahead) => positions.distance(behind, ahead),
};
