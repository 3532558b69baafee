import { createHmac, randomBytes } from 'node:crypto';
import {
  type ClientKeys,
  deriveKeys,
  ITERATIONS,
  parseVerifier,
  type ScramSalt,
  type Verifier,
} from './scram.ts';

/** What was used last by name. Bounded: what was not used for longest leaves first. */
class Recent<Value> {
  readonly #values = new Map<string, Value>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#values.size;
  }

  get(name: string): Value | undefined {
    const value = this.#values.get(name);
    if (value !== undefined) this.set(name, value);
    return value;
  }

  set(name: string, value: Value): void {
    this.#values.delete(name);
    this.#values.set(name, value);
    for (const oldest of this.#values.keys()) {
      if (this.#values.size <= this.#limit) break;
      this.#values.delete(oldest);
    }
  }

  /** Takes it away, if it is still this one. */
  drop(name: string, value: Value): void {
    if (this.#values.get(name) === value) this.#values.delete(name);
  }
}

interface Entry extends ScramSalt {
  readonly secret: string;
  readonly keys: Promise<ClientKeys>;
}

/** Keys by name, derived once. A changed secret or salt replaces its entry. */
export class KeyCache {
  readonly #entries: Recent<Entry>;

  constructor(limit: number) {
    this.#entries = new Recent(limit);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(name: string, secret: string, { salt, iterations }: ScramSalt): Promise<ClientKeys> {
    const known = this.#entries.get(name);
    if (known !== undefined && same(known, secret, salt, iterations)) return known.keys;
    const entry: Entry = { secret, salt, iterations, keys: deriveKeys(secret, { salt, iterations }) };
    this.#entries.set(name, entry);
    // Whoever awaits the keys hears of a failure; the next one tries again.
    entry.keys.catch(() => this.#entries.drop(name, entry));
    return entry.keys;
  }
}

function same(entry: Entry, secret: string, salt: Buffer, iterations: number): boolean {
  return entry.secret === secret && entry.iterations === iterations && entry.salt.equals(salt);
}

/** Salts of this process: stable per name, so that a name that exists looks like one that does not. */
const saltSecret = randomBytes(32);
/** The password of names that do not exist. */
export const nobodysPassword = randomBytes(32).toString('hex');
/** What a client of this name is checked against: how to ask, and the keys once they are there. */
export interface Challenge {
  readonly salt: ScramSalt;
  readonly verifier: Promise<Verifier>;
}

interface Asked {
  readonly secret: string | undefined;
  readonly challenge: Challenge;
}

/** Apart, so that a flood of invented names cannot push out real ones. */
const known = new Recent<Asked>(10_000);
const strangers = new Recent<Asked>(1_000);
/** So that a name with a stored verifier is first asked as late as one with a password. */
const decoys = new KeyCache(1_000);

/**
 * `secret`: a password, a stored verifier, or undefined: a name that does not exist, which takes as long. Derived
 * once for a name and secret: a log-in costs the exchange only.
 */
export function challengeOf(user: string, secret: string | undefined): Challenge {
  const cache = secret === undefined ? strangers : known;
  const before = cache.get(user);
  if (before !== undefined && before.secret === secret) return before.challenge;
  const asked = { secret, challenge: newChallenge(user, secret) };
  cache.set(user, asked);
  asked.challenge.verifier.catch(() => cache.drop(user, asked));
  return asked.challenge;
}

function newChallenge(user: string, secret: string | undefined): Challenge {
  const salt = { salt: saltOf(user), iterations: ITERATIONS };
  const stored = secret === undefined ? undefined : parseVerifier(secret);
  if (stored !== undefined) {
    const decoy = decoys.get(user, nobodysPassword, salt);
    return { salt: stored, verifier: decoy.then(() => stored) };
  }
  const keys = deriveKeys(secret ?? nobodysPassword, salt);
  return { salt, verifier: keys.then((made) => ({ ...salt, ...made })) };
}

function saltOf(user: string): Buffer {
  return createHmac('sha256', saltSecret).update(user).digest().subarray(0, 16);
}

/** Keys to log in to servers with; their salts are the servers' own. */
const logins = new KeyCache(1_000);

export function loginKeys(password: string, salt: ScramSalt): Promise<ClientKeys> {
  return logins.get(`${salt.salt.toString('base64')}:${salt.iterations}`, password, salt);
}
