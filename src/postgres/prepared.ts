import { message } from './messages.ts';

/** Statements kept on one server connection before the least recently used are closed. */
const KEPT_PER_LINK = 250;

/** Server names begin with this; an audit leaves them out, they are nobody's state. */
export const SERVER_PREFIX = 'pointsman_';

/**
 * A statement that some session has prepared under a name of its own: text and parameter types. One object for
 * all who prepare the same; on every link it has the same name, so that it is parsed once per link.
 */
export class Prepared {
  /** Its name on servers. */
  readonly name: string;
  /** The text, without its null. */
  readonly text: Buffer;
  /** What follows the name in a Parse: text, null, parameter types. */
  readonly #body: Buffer;

  constructor(name: string, body: Buffer, textLength: number) {
    this.name = name;
    this.#body = body;
    this.text = body.subarray(0, textLength);
  }

  /** The Parse that makes it known to a server. */
  get parse(): Buffer {
    return message('P', `${this.name}\0`, this.#body);
  }

  /** The Parse of it under another name, given as latin1. */
  parseAs(name: string): Buffer {
    return message('P', Buffer.from(`${name}\0`, 'latin1'), this.#body);
  }

  get close(): Buffer {
    return message('C', `S${this.name}\0`);
  }
}

const interned = new Map<string, WeakRef<Prepared>>();
const forgotten = new FinalizationRegistry<string>((key) => {
  if (interned.get(key)?.deref() === undefined) interned.delete(key);
});
let lastNumber = 0;

/** The one object for this body of a Parse. `textLength`: bytes of the text in it. */
export function preparedOf(body: Buffer, textLength: number): Prepared {
  const key = body.toString('latin1');
  const known = interned.get(key)?.deref();
  if (known !== undefined) return known;
  lastNumber++;
  const prepared = new Prepared(`${SERVER_PREFIX}${lastNumber}`, Buffer.from(body), textLength);
  interned.set(key, new WeakRef(prepared));
  forgotten.register(prepared, key);
  return prepared;
}

/** Statements that a server has accepted for a user on a database: to prepare one again, no server is asked. */
export type Accepted = WeakSet<Prepared>;

const acceptedBy = new Map<string, Accepted>();

/** What has been accepted for this user and database; shared by their sessions. */
export function acceptedFor(user: string, database: string): Accepted {
  const key = `${user}\0${database}`;
  let accepted = acceptedBy.get(key);
  if (accepted === undefined) {
    accepted = new WeakSet();
    acceptedBy.set(key, accepted);
  }
  return accepted;
}

/** A Parse that has not been answered, and one whose constants were read nobody knows how. */
const PENDING = Symbol('pending');
const UNCERTAIN = Symbol('uncertain');

/** Which statements one server connection knows. */
export class LinkStatements {
  /** In the order of their last use, with the reading of constants that they were parsed under. */
  readonly #known = new Map<Prepared, string | typeof PENDING | typeof UNCERTAIN>();
  /** Parsed since the last answer ended. */
  readonly #recent = new Set<Prepared>();
  /** The transaction on the link has failed: a Parse must be sent, for the server to refuse it. */
  refuses = false;
  #reading = '';

  /** `ready`, `pending` (its Parse has not been answered), `stale` (parsed under other settings), or not known. */
  state(prepared: Prepared): 'ready' | 'pending' | 'stale' | 'unknown' {
    const reading = this.#known.get(prepared);
    if (reading === undefined) return 'unknown';
    if (reading === PENDING) return 'pending';
    return reading === this.#reading ? 'ready' : 'stale';
  }

  used(prepared: Prepared): void {
    const reading = this.#known.get(prepared);
    if (reading === undefined) return;
    this.#known.delete(prepared);
    this.#known.set(prepared, reading);
  }

  sent(prepared: Prepared): void {
    this.#known.set(prepared, PENDING);
  }

  parsed(prepared: Prepared): void {
    if (!this.#known.has(prepared)) return;
    this.#known.set(prepared, this.#reading);
    this.#recent.add(prepared);
  }

  /**
   * Settings that say how a Parse reads constants have changed. A server reports it when an answer ends: what was
   * parsed in the same answer was read the one way or the other.
   */
  readsAs(reading: string): void {
    if (reading === this.#reading) return;
    this.#reading = reading;
    for (const prepared of this.#recent) if (this.#known.has(prepared)) this.#known.set(prepared, UNCERTAIN);
  }

  answered(): void {
    if (this.#recent.size > 0) this.#recent.clear();
  }

  failed(prepared: Prepared): void {
    this.#known.delete(prepared);
  }

  /** Statements to close so that `more` fit, none of `kept`. They count as closed from here on. */
  evict(more: number, kept: ReadonlySet<Prepared>): Prepared[] {
    const evicted: Prepared[] = [];
    let over = this.#known.size + more - KEPT_PER_LINK;
    for (const [prepared, reading] of this.#known) {
      if (over <= 0) break;
      if (reading === PENDING || kept.has(prepared)) continue;
      this.#known.delete(prepared);
      evicted.push(prepared);
      over--;
    }
    return evicted;
  }

  /** The server has forgotten all of them (DISCARD ALL, DEALLOCATE ALL). */
  clear(): void {
    this.#known.clear();
  }
}
