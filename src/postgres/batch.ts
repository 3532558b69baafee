import type { Plan } from '../core/wire.ts';
import type { PostgresUnit } from './finder.ts';
import { textEnd } from './frames.ts';
import { message } from './messages.ts';
import { type Accepted, type LinkStatements, type Prepared, preparedOf } from './prepared.ts';
import { type Step, SteppedReply } from './steps.ts';

const PARSE_COMPLETE = message('1');
const CLOSE_COMPLETE = message('3');
const PARSE = 0x50;
const CLOSE = 0x43;
const SYNC = 0x53;
const FORWARDED: Step = { take: 'forward' };
const SWALLOWED: Step = { take: 'swallow' };

/** A session's names for statements. */
export type Names = Map<string, Prepared>;

/**
 * Turns one extended batch into what a given link needs: names of the session become the servers' names,
 * statements that the link does not know are parsed first, and what need not be sent is answered here.
 */
export class BatchPlanner {
  readonly #names: Names;
  readonly #statements: LinkStatements;
  readonly #accepted: Accepted;
  readonly #sent: Buffer[] = [];
  readonly #steps: Step[] = [];
  /** Statements that must be known to the link before the batch begins. */
  readonly #needed = new Set<Prepared>();
  /** The batch was planned for another link before: the names it defines may be there already. */
  #again = false;
  #unit: PostgresUnit | undefined;
  /** Which of the plans of the batch this one is. */
  #plan = 0;
  /** What it used then; what it uses now. */
  #used: Map<string, Prepared> | undefined;
  /** Statements that the batch itself has parsed so far. */
  readonly #own = new Set<Prepared>();

  constructor(names: Names, statements: LinkStatements, accepted: Accepted) {
    this.#names = names;
    this.#accepted = accepted;
    this.#statements = statements;
  }

  /** Undefined: a statement's Parse is still on its way on this link; plan again when it has been answered. */
  plan(unit: PostgresUnit, busy: boolean): Plan | undefined {
    const { bytes } = unit;
    // Whether a Parse may be answered here depends on how what is under way ends: not in a failed transaction.
    if (busy && parsesNamed(bytes)) return undefined;
    for (const prepared of statementsIn(bytes, this.#names, unit.used)) {
      if (this.#statements.state(prepared) === 'pending') return undefined;
    }
    this.#again = unit.plans > 0;
    this.#used = unit.used;
    this.#unit = unit;
    this.#plan = ++unit.plans;
    for (let at = 0; at + 5 <= bytes.length; ) {
      const end = at + bytes.readUInt32BE(at + 1) + 1;
      this.#message(bytes.subarray(at, end));
      at = end;
    }
    unit.used = this.#used;
    const front: Buffer[] = [];
    const frontSteps: Step[] = [];
    this.#bringIn(front, frontSteps);
    if (unit.front !== undefined && unit.front.length > 0) {
      front.push(unit.front);
      frontSteps.push(SWALLOWED);
    }
    return {
      bytes: Buffer.concat([...front, ...this.#sent]),
      expect: new SteppedReply([...frontSteps, ...this.#steps]),
    };
  }

  /** It has not been planned for another link since: how it ends here decides about its names. */
  get #isLast(): boolean {
    return this.#unit?.plans === this.#plan;
  }

  #message(part: Buffer): void {
    switch (part[0]) {
      case 0x50: // P
        this.#parse(part);
        return;
      case 0x42: {
        // B: portal, statement
        const portalEnd = textEnd(part, 5, part.length);
        this.#rename(part, portalEnd + 1);
        return;
      }
      case 0x44: // D
        if (part[5] === 0x53) this.#rename(part, 6);
        else this.#forward(part);
        return;
      case 0x43: // C
        if (part[5] === 0x53) this.#close(part);
        else this.#forward(part);
        return;
      case 0x53: // S: its answer ends the reply and is no step
        this.#sent.push(part);
        return;
      default:
        this.#forward(part);
    }
  }

  #forward(part: Buffer): void {
    this.#sent.push(part);
    this.#steps.push(FORWARDED);
  }

  /** Parse of a named statement: sent only if the link does not know it. */
  #parse(part: Buffer): void {
    const nameEnd = textEnd(part, 5, part.length);
    if (nameEnd === 5) {
      this.#forward(part);
      return;
    }
    const name = part.toString('latin1', 5, nameEnd);
    const textLength = textEnd(part, nameEnd + 1, part.length) - nameEnd - 1;
    const prepared = preparedOf(part.subarray(nameEnd + 1), textLength);
    const before = this.#names.get(name);
    if (before !== undefined && !(this.#again && before === prepared)) {
      // The name is taken: the server says so, about a statement it knows.
      this.#need(before);
      this.#forward(before.parse);
      return;
    }
    this.#names.set(name, prepared);
    const forget = (): void => {
      if (this.#isLast && this.#names.get(name) === prepared) this.#names.delete(name);
    };
    const ready = this.#statements.state(prepared) === 'ready';
    if ((ready && !this.#statements.refuses) || this.#own.has(prepared)) {
      this.#statements.used(prepared);
      this.#steps.push({ take: 'supply', answer: PARSE_COMPLETE, undone: forget });
      return;
    }
    this.#own.add(prepared);
    if (ready || this.#statements.state(prepared) === 'stale') {
      this.#sent.push(prepared.close);
      this.#steps.push(SWALLOWED);
    }
    this.#statements.sent(prepared);
    this.#sent.push(prepared.parse);
    this.#steps.push({
      take: 'forward',
      done: () => this.#parsed(prepared),
      undone: () => {
        forget();
        this.#statements.failed(prepared);
      },
    });
  }

  /** A message that names a statement, the name at `at`: passed on with the servers' name for it. */
  #rename(part: Buffer, at: number): void {
    const nameEnd = textEnd(part, at, part.length);
    const name = part.toString('latin1', at, nameEnd);
    const prepared = nameEnd > at ? (this.#names.get(name) ?? this.#used?.get(name)) : undefined;
    if (prepared === undefined) {
      this.#forward(part);
      return;
    }
    this.#used ??= new Map();
    this.#used.set(name, prepared);
    this.#need(prepared);
    const renamed = Buffer.concat([part.subarray(0, at), Buffer.from(prepared.name), part.subarray(nameEnd)]);
    renamed.writeUInt32BE(renamed.length - 1, 1);
    this.#forward(renamed);
  }

  /** Close touches the session's own names only: others use the statement too. */
  #close(part: Buffer): void {
    const nameEnd = textEnd(part, 6, part.length);
    const name = nameEnd > 6 ? part.toString('latin1', 6, nameEnd) : '';
    const before = this.#names.get(name);
    if (before === undefined) {
      this.#forward(part);
      return;
    }
    this.#names.delete(name);
    const undone = (): void => {
      if (this.#isLast && !this.#names.has(name)) this.#names.set(name, before);
    };
    this.#steps.push({ take: 'supply', answer: CLOSE_COMPLETE, undone });
  }

  #parsed(prepared: Prepared): void {
    this.#statements.parsed(prepared);
    this.#accepted.add(prepared);
  }

  #need(prepared: Prepared): void {
    if (this.#own.has(prepared)) return;
    this.#needed.add(prepared);
  }

  /** Parses what is missing, ahead of everything, so that only its own error can stop it. */
  #bringIn(front: Buffer[], steps: Step[]): void {
    const missing: Prepared[] = [];
    for (const prepared of this.#needed) {
      if (this.#statements.state(prepared) === 'ready') this.#statements.used(prepared);
      else missing.push(prepared);
    }
    const kept = new Set([...this.#needed, ...this.#own]);
    for (const evicted of this.#statements.evict(missing.length, kept)) {
      front.push(evicted.close);
      steps.push(SWALLOWED);
    }
    for (const prepared of missing) {
      if (this.#statements.state(prepared) === 'stale') {
        front.push(prepared.close);
        steps.push(SWALLOWED);
      }
      this.#statements.sent(prepared);
      front.push(prepared.parse);
      steps.push({
        take: 'swallow',
        done: () => this.#parsed(prepared),
        undone: () => this.#statements.failed(prepared),
      });
    }
  }
}

/**
 * For a batch that is passed on unread: the link gets all statements of the session under the session's own names,
 * and keeps them. An audit finds them there.
 */
export function handOver(unit: PostgresUnit, names: Names): Plan {
  const front = [...names].map(([name, prepared]) => prepared.parseAs(name));
  names.clear();
  if (unit.front !== undefined && unit.front.length > 0) front.push(unit.front);
  return {
    bytes: Buffer.concat([...front, unit.bytes]),
    expect: new SteppedReply(front.map(() => SWALLOWED)),
  };
}

/** A batch of nothing but Parse of statements that a server has accepted, under new names, and Close of the session's own. */
export function onlyNames(bytes: Buffer, names: Names, accepted: Accepted): boolean {
  for (const { type, name, prepared } of naming(bytes)) {
    const parses = prepared !== undefined && accepted.has(prepared) && !names.has(name);
    const closes = type === CLOSE && name !== '' && names.has(name);
    if (!parses && !closes && type !== SYNC) return false;
  }
  return true;
}

/**
 * Keeps what a batch says of the session's names that the proxy itself answers. What it runs is known to be right; a
 * server hears of it when it is needed there.
 */
export function keepNames(bytes: Buffer, names: Names): void {
  for (const { type, name, prepared } of naming(bytes)) {
    if (prepared !== undefined && !names.has(name)) names.set(name, prepared);
    else if (type === CLOSE) names.delete(name);
  }
}

/** The messages of a batch with the name of a statement that they are about, and what a Parse puts under it; '': none. */
function* naming(bytes: Buffer): Iterable<{ type: number; name: string; prepared: Prepared | undefined }> {
  for (let at = 0; at + 5 <= bytes.length; ) {
    const end = at + bytes.readUInt32BE(at + 1) + 1;
    const type = bytes[at] as number;
    const start = nameStart(bytes, at, end);
    const nameEnd = start < 0 ? -1 : textEnd(bytes, start, end);
    const name = nameEnd > start ? bytes.toString('latin1', start, nameEnd) : '';
    const parses = type === PARSE && name !== '';
    const textLength = parses ? textEnd(bytes, nameEnd + 1, end) - nameEnd - 1 : 0;
    yield {
      ...{ type, name },
      prepared: parses ? preparedOf(bytes.subarray(nameEnd + 1, end), textLength) : undefined,
    };
    at = end;
  }
}

/** A statement is prepared under a name. */
function parsesNamed(bytes: Buffer): boolean {
  for (let at = 0; at + 5 < bytes.length; at += bytes.readUInt32BE(at + 1) + 1) {
    if (bytes[at] === 0x50 && bytes[at + 5] !== 0) return true;
  }
  return false;
}

/** Statements of the session that a batch names or defines. */
function* statementsIn(bytes: Buffer, names: Names, used: PostgresUnit['used']): Iterable<Prepared> {
  for (let at = 0; at + 5 <= bytes.length; ) {
    const end = at + bytes.readUInt32BE(at + 1) + 1;
    const start = nameStart(bytes, at, end);
    if (start > 0) {
      const nameEnd = textEnd(bytes, start, end);
      const name = bytes.toString('latin1', start, nameEnd);
      const known = nameEnd > start ? (names.get(name) ?? used?.get(name)) : undefined;
      if (known !== undefined) yield known;
      if (bytes[at] === 0x50 && nameEnd > start) {
        const textLength = textEnd(bytes, nameEnd + 1, end) - nameEnd - 1;
        yield preparedOf(bytes.subarray(nameEnd + 1, end), textLength);
      }
    }
    at = end;
  }
}

/** Where the statement's name begins in a message, or -1. */
function nameStart(bytes: Buffer, at: number, end: number): number {
  switch (bytes[at]) {
    case 0x50:
      return at + 5;
    case 0x42: {
      const portalEnd = textEnd(bytes, at + 5, end);
      return portalEnd < 0 ? -1 : portalEnd + 1;
    }
    case 0x44:
    case 0x43:
      return bytes[at + 5] === 0x53 ? at + 6 : -1;
    default:
      return -1;
  }
}
