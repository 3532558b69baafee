/**
 * What MariaDB says of its history: for every domain and server the last sequence number, and for every domain the
 * last transaction. Within a domain the sequence is the order; that a server is listed with a number proves that
 * all of its earlier transactions are there. Source: MariaDB manual, "Global Transaction ID", `gtid_binlog_state`.
 */
export interface GtidState {
  /** By `domain-server`. */
  readonly known: ReadonlyMap<string, number>;
  /** By domain: the transaction with the greatest sequence. */
  readonly last: ReadonlyMap<string, Gtid>;
}

export interface Gtid {
  readonly server: string;
  readonly sequence: number;
}

const GTID = /^(\d+)-(\d+)-(\d+)$/;

/** Reads `0-1-100,0-3-99,1-2-7`; undefined: it is none. */
export function parseGtidState(text: string): GtidState | undefined {
  const known = new Map<string, number>();
  for (const part of text.split(',')) {
    const word = part.trim();
    if (word === '') continue;
    const match = GTID.exec(word);
    if (match === null) return undefined;
    note(known, `${match[1]}-${match[2]}`, Number(match[3]));
  }
  return stateOf(known);
}

function note(known: Map<string, number>, key: string, sequence: number): void {
  known.set(key, Math.max(known.get(key) ?? 0, sequence));
}

function stateOf(known: ReadonlyMap<string, number>): GtidState {
  const last = new Map<string, Gtid>();
  for (const [key, sequence] of known) {
    const domain = domainOf(key);
    const before = last.get(domain);
    if (before === undefined || before.sequence < sequence)
      last.set(domain, { server: serverOf(key), sequence });
  }
  return { known, last };
}

const domainOf = (key: string): string => key.slice(0, key.indexOf('-'));
export const serverOf = (key: string): string => key.slice(key.indexOf('-') + 1);

export function join(...states: readonly GtidState[]): GtidState {
  const known = new Map<string, number>();
  for (const state of states) for (const [key, sequence] of state.known) note(known, key, sequence);
  return stateOf(known);
}

/**
 * What a replica's readers see: its binary log is written before a transaction is committed, so nothing of others
 * counts beyond what `applied` says; what the server `own` has written itself does.
 */
export function capped(state: GtidState, applied: GtidState, own: string): GtidState {
  const known = new Map<string, number>(applied.known);
  for (const [key, sequence] of state.known) {
    const bound = applied.last.get(domainOf(key));
    if (bound === undefined || serverOf(key) === own || sequence <= bound.sequence)
      note(known, key, sequence);
  }
  return stateOf(known);
}

/** As servers write it, in ascending order. */
export function formatGtidState(state: GtidState): string {
  return [...state.known]
    .map(([key, sequence]) => `${key}-${sequence}`)
    .sort()
    .join(',');
}

/**
 * How two histories stand to each other in every domain: what only `a` has, what only `b` has, and whether they
 * have parted. One that is behind is contained only if the other knows its last transaction.
 */
export function standing(a: GtidState, b: GtidState): { ahead: boolean; behind: boolean; parted: boolean } {
  const result = { ahead: false, behind: false, parted: false };
  for (const domain of new Set([...a.last.keys(), ...b.last.keys()])) {
    const one = a.last.get(domain);
    const other = b.last.get(domain);
    if (one === undefined) result.behind = true;
    else if (other === undefined) result.ahead = true;
    else if (one.sequence === other.sequence) result.parted ||= one.server !== other.server;
    else if (one.sequence < other.sequence) {
      result.behind = true;
      result.parted ||= !knows(b, domain, one);
    } else {
      result.ahead = true;
      result.parted ||= !knows(a, domain, other);
    }
  }
  return result;
}

function knows(state: GtidState, domain: string, { server, sequence }: Gtid): boolean {
  return (state.known.get(`${domain}-${server}`) ?? 0) >= sequence;
}

/** Transactions of `a` that `b` does not know, one a domain and server, as servers write them. */
export function unknownTo(a: GtidState, b: GtidState): string[] {
  const result: string[] = [];
  for (const [key, sequence] of a.known) {
    const last = b.last.get(domainOf(key));
    // Older than all that is known there: a server that began with a copy lists only what came after it.
    const listed = b.known.get(key);
    const isNewer = last === undefined || sequence > last.sequence;
    if ((listed === undefined && isNewer) || (listed !== undefined && listed < sequence))
      result.push(`${key}-${sequence}`);
  }
  return result.sort();
}

/** Sequence numbers from `behind` to `ahead`, all domains together. */
export function gap(behind: GtidState, ahead: GtidState): number {
  let sum = 0;
  for (const [domain, { sequence }] of ahead.last) {
    sum += Math.max(0, sequence - (behind.last.get(domain)?.sequence ?? 0));
  }
  return sum;
}
