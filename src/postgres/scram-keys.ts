import { createHmac, randomBytes } from 'node:crypto';
import {
  type ClientKeys,
  deriveKeys,
  ITERATIONS,
  parseVerifier,
  type ScramSalt,
  type Verifier,
} from './scram.ts';

interface Entry extends ScramSalt {
  readonly secret: string;
  readonly keys: Promise<ClientKeys>;
}

/**
 * Keys by name, derived once: a connect costs HMACs only. Bounded; the least recently used leaves first.
 * A changed secret or salt replaces its entry.
 */
export class KeyCache {
  #entries = new Map<string, Entry>();
  #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(name: string, secret: string, { salt, iterations }: ScramSalt): Promise<ClientKeys> {
    const known = this.#entries.get(name);
    this.#entries.delete(name);
    if (known !== undefined && same(known, secret, salt, iterations)) {
      this.#entries.set(name, known);
      return known.keys;
    }
    const entry: Entry = { secret, salt, iterations, keys: deriveKeys(secret, { salt, iterations }) };
    this.#entries.set(name, entry);
    // Whoever awaits the keys hears of a failure; the next one tries again.
    entry.keys.catch(() => {
      if (this.#entries.get(name) === entry) this.#entries.delete(name);
    });
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#limit) break;
      this.#entries.delete(oldest);
    }
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
/** Apart, so that a flood of invented names cannot push out the keys of real ones. */
const known = new KeyCache(10_000);
const decoys = new KeyCache(1_000);

/** What a client of this name is checked against: how to ask, and the keys once they are there. */
export interface Challenge {
  readonly salt: ScramSalt;
  readonly verifier: Promise<Verifier>;
}

/** `secret`: a password, a stored verifier, or undefined: a name that does not exist, which takes as long. */
export function challengeOf(user: string, secret: string | undefined): Challenge {
  const salt = { salt: saltOf(user), iterations: ITERATIONS };
  const stored = secret === undefined ? undefined : parseVerifier(secret);
  if (secret !== undefined && stored === undefined) return settled(salt, known.get(user, secret, salt));
  const decoy = decoys.get(user, nobodysPassword, salt);
  if (stored === undefined) return settled(salt, decoy);
  return { salt: stored, verifier: quiet(decoy.then(() => stored)) };
}

function settled(salt: ScramSalt, keys: Promise<ClientKeys>): Challenge {
  return { salt, verifier: quiet(keys.then((made) => ({ ...salt, ...made }))) };
}

/** A client may leave before anybody awaits its keys. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function saltOf(user: string): Buffer {
  return createHmac('sha256', saltSecret).update(user).digest().subarray(0, 16);
}

/** Keys to log in to servers with; their salts are the servers' own. */
const logins = new KeyCache(1_000);

export function loginKeys(password: string, salt: ScramSalt): Promise<ClientKeys> {
  return logins.get(`${salt.salt.toString('base64')}:${salt.iterations}`, password, salt);
}
