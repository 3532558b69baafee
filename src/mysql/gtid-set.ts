/**
 * A set of MySQL's transactions: for every source (`uuid`, or `uuid:tag`) ascending, disjoint intervals as
 * `[from, to, from, to, ...]`, both ends included. Sources: MySQL manual, "GTID Format and Storage"; tags since 8.3.
 */
export type GtidSet = ReadonlyMap<string, readonly number[]>;

const SOURCE = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const TAG = /^[a-z_][a-z0-9_]{0,31}$/;
const INTERVAL = /^(\d+)(?:-(\d+))?$/;

/** Reads `uuid:1-5:7:tag:1-3,uuid2:1`; undefined: it is none. */
export function parseGtidSet(text: string): GtidSet | undefined {
  const found = new Map<string, number[]>();
  for (const part of text.toLowerCase().split(',')) {
    const words = part.trim().split(':');
    if (words.length === 1 && words[0] === '') continue;
    if (!takeSource(words, found)) return undefined;
  }
  const set = new Map<string, readonly number[]>();
  for (const [source, intervals] of found) if (intervals.length > 0) set.set(source, merged(intervals));
  return set;
}

/** One source with its intervals; a tag holds for the intervals behind it. */
function takeSource(words: readonly string[], found: Map<string, number[]>): boolean {
  const uuid = words[0]?.trim() ?? '';
  if (!SOURCE.test(uuid) || words.length < 2) return false;
  let source = uuid;
  for (const word of words.slice(1).map((one) => one.trim())) {
    const interval = INTERVAL.exec(word);
    if (interval === null) {
      if (!TAG.test(word)) return false;
      source = `${uuid}:${word}`;
      continue;
    }
    const from = Number(interval[1]);
    const to = interval[2] === undefined ? from : Number(interval[2]);
    if (from < 1 || to < from) continue;
    const intervals = found.get(source);
    if (intervals === undefined) found.set(source, [from, to]);
    else intervals.push(from, to);
  }
  return true;
}

/** Ascending and disjoint. */
function merged(intervals: readonly number[]): number[] {
  const pairs: [number, number][] = [];
  for (let i = 0; i < intervals.length; i += 2) pairs.push([intervals[i] ?? 0, intervals[i + 1] ?? 0]);
  pairs.sort((a, b) => a[0] - b[0]);
  const result: number[] = [];
  for (const [from, to] of pairs) {
    const last = result.at(-1);
    if (last !== undefined && from <= last + 1) result[result.length - 1] = Math.max(last, to);
    else result.push(from, to);
  }
  return result;
}

/** What only `a` holds. */
export function subtract(a: GtidSet, b: GtidSet): GtidSet {
  const left = new Map<string, readonly number[]>();
  for (const [source, intervals] of a) {
    const rest = without(intervals, b.get(source) ?? []);
    if (rest.length > 0) left.set(source, rest);
  }
  return left;
}

function without(a: readonly number[], b: readonly number[]): number[] {
  const left: number[] = [];
  let j = 0;
  for (let i = 0; i < a.length; i += 2) {
    let from = a[i] ?? 0;
    const to = a[i + 1] ?? 0;
    while (j < b.length && (b[j + 1] ?? 0) < from) j += 2;
    for (let k = j; k < b.length && (b[k] ?? 0) <= to && from <= to; k += 2) {
      if ((b[k] ?? 0) > from) left.push(from, (b[k] ?? 0) - 1);
      from = (b[k + 1] ?? 0) + 1;
    }
    if (from <= to) left.push(from, to);
  }
  return left;
}

/** Whether `a` holds something that `b` does not; allocates nothing. */
export function exceeds(a: GtidSet, b: GtidSet): boolean {
  for (const [source, intervals] of a) {
    const other = b.get(source);
    if (other === undefined) return true;
    let k = 0;
    for (let i = 0; i < intervals.length; i += 2) {
      const from = intervals[i] ?? 0;
      const to = intervals[i + 1] ?? 0;
      while (k < other.length && (other[k + 1] ?? 0) < from) k += 2;
      if (k >= other.length || (other[k] ?? 0) > from || (other[k + 1] ?? 0) < to) return true;
    }
  }
  return false;
}

export function union(a: GtidSet, b: GtidSet): GtidSet {
  const both = new Map<string, readonly number[]>(a);
  for (const [source, intervals] of b) both.set(source, merged([...(both.get(source) ?? []), ...intervals]));
  return both;
}

/** How many transactions. */
export function size(set: GtidSet): number {
  let count = 0;
  for (const intervals of set.values()) {
    for (let i = 0; i < intervals.length; i += 2) count += (intervals[i + 1] ?? 0) - (intervals[i] ?? 0) + 1;
  }
  return count;
}

/** As servers write it, sources in ascending order. */
export function formatGtidSet(set: GtidSet): string {
  const sources = [...set].sort(([a], [b]) => (a < b ? -1 : 1));
  return sources.map(([source, intervals]) => `${source}:${formatIntervals(intervals)}`).join(',');
}

function formatIntervals(intervals: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < intervals.length; i += 2) {
    const from = intervals[i];
    const to = intervals[i + 1];
    parts.push(from === to ? `${from}` : `${from}-${to}`);
  }
  return parts.join(':');
}

/** Whether a source is `uuid` itself or one of its tags. */
export function isOf(source: string, uuid: string): boolean {
  return source === uuid || source.startsWith(`${uuid}:`);
}
