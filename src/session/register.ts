import { timingSafeEqual } from 'node:crypto';
import type { ProxyError } from '../core/errors.ts';
import type { Strike } from '../core/intent.ts';
import type { SessionKey } from '../core/wire.ts';
import { noSuchSession, notYours } from './complaints.ts';
import type { Session } from './session.ts';

/** Other processes that serve sessions of the same cluster: a session's number says whose it is. */
export interface Others {
  /** This one's place among `workers`: 0, 1, …. */
  readonly slot: number;
  readonly workers: number;
  cancel(key: SessionKey): void;
  /** Strikes in the name of a user; `answered` is called once, within a bound, with why it was refused. */
  strike(user: string, strike: Strike, answered: (refused: ProxyError | undefined) => void): void;
}

/** Numbers are those of a positive 32-bit integer: both protocols say them in four bytes. */
const LAST_ID = 0x7fff_ffff;

/** The sessions of this process by their numbers, and how one is reached from outside, wherever it is. */
export class Register {
  readonly #others: Others | undefined;
  readonly #sessions = new Map<number, Session>();
  /** What other processes said to the last strike of a session. */
  readonly #struck = new WeakMap<Session, { refused: ProxyError | undefined }>();
  #lastId: number;

  /** `others` left out: no other process serves sessions of this cluster. */
  constructor(others: Others | undefined) {
    this.#others = others;
    const { slot, workers } = this.#place;
    this.#lastId = slot + 1 - workers;
  }

  get sessions(): Iterable<Session> {
    return this.#sessions.values();
  }

  add(session: Session): void {
    this.#sessions.set(session.key.id, session);
  }

  remove(session: Session): void {
    this.#sessions.delete(session.key.id);
  }

  /** A number no other session has. */
  newId(): number {
    const { slot, workers } = this.#place;
    do {
      this.#lastId = this.#lastId + workers > LAST_ID ? slot + 1 : this.#lastId + workers;
    } while (this.#sessions.has(this.#lastId));
    return this.#lastId;
  }

  get #place(): Pick<Others, 'slot' | 'workers'> {
    return this.#others ?? ALONE;
  }

  #isOurs(id: number): boolean {
    const { slot, workers } = this.#place;
    return (id - 1) % workers === slot;
  }

  /** A client asks to cancel what a session runs, here or in another process. */
  cancelAnywhere(key: SessionKey): void {
    if (this.#isOurs(key.id)) this.cancel(key);
    else this.#others?.cancel(key);
  }

  /** Cancels what a session of this process runs, if the secret is right. */
  cancel(key: SessionKey): void {
    const session = this.#sessions.get(key.id);
    if (session === undefined || session.key.secret.length !== key.secret.length) return;
    if (timingSafeEqual(session.key.secret, key.secret)) session.cancel();
  }

  /** See `Realm.strike`. */
  strike(by: Session, strike: Strike, answered: () => void): ProxyError | 'asked' | undefined {
    const { user } = by.login;
    if (this.#others === undefined || this.#isOurs(strike.session)) return this.strikeFor(user, strike);
    const answer = this.#struck.get(by);
    if (answer !== undefined) {
      this.#struck.delete(by);
      return answer.refused;
    }
    this.#others.strike(user, strike, (refused) => {
      this.#struck.set(by, { refused });
      answered();
    });
    return 'asked';
  }

  /** Strikes a session of this process in the name of a user. The error says why not. */
  strikeFor(user: string, { session: id, what }: Strike): ProxyError | undefined {
    const struck = this.#sessions.get(id);
    if (struck === undefined) return noSuchSession(id);
    if (struck.login.user !== user) return notYours(id);
    if (what === 'statement') struck.cancel();
    else struck.end();
    return undefined;
  }
}

const ALONE: Pick<Others, 'slot' | 'workers'> = { slot: 0, workers: 1 };
