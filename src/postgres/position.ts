import type { Positions } from '../core/engine.ts';
import { type Order, type Position, position } from '../core/position.ts';

/**
 * A point in PostgreSQL's history as text: `TIMELINE:LSN`, then, where the timeline's history file could be
 * read, `;` and where each ancestor was left: `3:0/16B3748;1@0/1500000,2@0/1600000`. Timeline 1 has no
 * ancestors. Source: PostgreSQL manual, "Timelines"; src/backend/access/transam/timeline.c.
 */
export interface Fork {
  readonly timeline: number;
  /** Where the next timeline left this one. Text as PostgreSQL prints an LSN. */
  readonly lsn: string;
}

/** `forks`: ancestors in ascending order; undefined: not known. */
export function positionOf(timeline: number, lsn: string, forks: readonly Fork[] | undefined): Position {
  if (forks === undefined) return position(`${timeline}:${lsn}`);
  return position(`${timeline}:${lsn};${forks.map((fork) => `${fork.timeline}@${fork.lsn}`).join(',')}`);
}

/** Reads a timeline history file: a line an ancestor, `timeline <tab> LSN <tab> reason`, `#` for comments. */
export function forksOf(history: string): Fork[] {
  const forks: Fork[] = [];
  for (const line of history.split('\n')) {
    const match = /^\s*(\d+)\s+([0-9A-Fa-f]+\/[0-9A-Fa-f]+)/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) {
      forks.push({ timeline: Number(match[1]), lsn: match[2].toUpperCase() });
    }
  }
  return forks;
}

/**
 * Orders positions. Two points are on one line if one lies at or before the place where their histories part;
 * else they are diverged. Where that place is not known the answer is diverged, which is never wrong to obey.
 */
export const positions: Positions = { compare, distance };

/** Out of reach for the parser's two results, so that a comparison on the hot path allocates nothing. */
let timeline = 0;
let high = 0;
let low = 0;

const SEMICOLON = 0x3b;

/** Reads `TIMELINE:HIGH/LOW` into the three variables above; gives the index behind it, -1 if it is none. */
function scan(text: string): number {
  let at = 0;
  let code = text.charCodeAt(0);
  timeline = 0;
  while (code >= 0x30 && code <= 0x39) {
    timeline = timeline * 10 + code - 0x30;
    code = text.charCodeAt(++at);
  }
  if (at === 0 || code !== 0x3a) return -1;
  return scanLsn(text, at + 1);
}

function scanLsn(text: string, start: number): number {
  let at = start;
  let value = 0;
  high = -1;
  for (;;) {
    const code = text.charCodeAt(at);
    const digit = hexadecimal(code);
    if (digit >= 0) value = value * 16 + digit;
    else if (code === 0x2f && high < 0) {
      high = value;
      value = 0;
    } else break;
    at += 1;
  }
  if (high < 0) return -1;
  low = value;
  return at;
}

function hexadecimal(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x41 && code <= 0x46) return code - 0x37;
  if (code >= 0x61 && code <= 0x66) return code - 0x57;
  return -1;
}

function compare(a: Position, b: Position): Order {
  if (a === b) return 'equal';
  const endA = scan(a);
  const timelineA = timeline;
  const highA = high;
  const lowA = low;
  const endB = scan(b);
  if (endA < 0 || endB < 0) return 'diverged';
  if (timelineA === timeline && sameForks(a, endA, b, endB)) {
    return highA === high ? sign(lowA - low) : sign(highA - high);
  }
  return compareLines(a, b);
}

const sign = (difference: number): Order => (difference < 0 ? 'before' : difference > 0 ? 'after' : 'equal');

/**
 * On one timeline number the ancestors are the same, unless two replicas were promoted to the same number.
 * Where one of the two is not known, there is no sign of that.
 */
function sameForks(a: string, endA: number, b: string, endB: number): boolean {
  if (a.charCodeAt(endA) !== SEMICOLON || b.charCodeAt(endB) !== SEMICOLON) return true;
  if (a.length - endA !== b.length - endB) return false;
  for (let i = 1; endA + i < a.length; i += 1) {
    if (a.charCodeAt(endA + i) !== b.charCodeAt(endB + i)) return false;
  }
  return true;
}

/** One stretch of a history: a timeline, and where it was left; undefined: the point is on it. */
interface Stretch {
  readonly timeline: number;
  readonly end: Lsn | undefined;
}

interface Lsn {
  readonly high: number;
  readonly low: number;
}

interface Parsed {
  readonly lsn: Lsn;
  /** In ascending order, own timeline last; undefined: ancestors not known. */
  readonly line: readonly Stretch[] | undefined;
  readonly timeline: number;
}

function parse(text: string): Parsed | undefined {
  const end = scan(text);
  if (end < 0) return undefined;
  const own = timeline;
  const lsn = { high, low };
  if (text.charCodeAt(end) !== SEMICOLON) {
    return { lsn, timeline: own, line: own === 1 ? [{ timeline: 1, end: undefined }] : undefined };
  }
  const line: Stretch[] = [];
  for (const fork of text.slice(end + 1).split(',')) {
    const at = fork.indexOf('@');
    if (at > 0 && scanLsn(fork, at + 1) > 0) {
      line.push({ timeline: Number(fork.slice(0, at)), end: { high, low } });
    }
  }
  line.push({ timeline: own, end: undefined });
  return { lsn, timeline: own, line };
}

const order = (a: Lsn, b: Lsn): number => (a.high === b.high ? a.low - b.low : a.high - b.high);

function compareLines(textA: string, textB: string): Order {
  const a = parse(textA);
  const b = parse(textB);
  if (a?.line === undefined || b?.line === undefined) return compareHalfKnown(a, b);
  const parting = partingOf(a.line, b.line);
  if (parting === undefined) return 'diverged';
  if (parting === 'never' || order(a.lsn, parting) <= 0 || order(b.lsn, parting) <= 0) {
    return sign(order(a.lsn, b.lsn));
  }
  return 'diverged';
}

/**
 * The ancestors of one are not known; the other's still say where its own ancestors were left: a point on
 * such an ancestor's number is on its line up to there.
 */
function compareHalfKnown(a: Parsed | undefined, b: Parsed | undefined): Order {
  if (a === undefined || b === undefined) return 'diverged';
  const known = a.line === undefined ? b : a;
  const other = a.line === undefined ? a : b;
  const left = known.line?.find((stretch) => stretch.timeline === other.timeline)?.end;
  if (left === undefined) return 'diverged';
  if (order(a.lsn, left) > 0 && order(b.lsn, left) > 0) return 'diverged';
  return sign(order(a.lsn, b.lsn));
}

/** Where two histories part: the earlier end of the last timeline that both went through. */
function partingOf(a: readonly Stretch[], b: readonly Stretch[]): Lsn | 'never' | undefined {
  let parting: Lsn | 'never' | undefined;
  for (let i = 0; i < a.length && i < b.length; i += 1) {
    const one = a[i];
    const two = b[i];
    if (one === undefined || two === undefined || one.timeline !== two.timeline) return parting;
    if (one.end === undefined || two.end === undefined) return one.end ?? two.end ?? 'never';
    parting = order(one.end, two.end) <= 0 ? one.end : two.end;
    if (order(one.end, two.end) !== 0) return parting;
  }
  return parting;
}

/** Bytes of WAL; 0 where `behind` is at or past `ahead`. */
function distance(behind: Position, ahead: Position): number | undefined {
  const how = compare(behind, ahead);
  if (how === 'diverged') return undefined;
  if (how !== 'before') return 0;
  scan(behind);
  const highBehind = high;
  const lowBehind = low;
  scan(ahead);
  return (high - highBehind) * 0x1_0000_0000 + low - lowBehind;
}
