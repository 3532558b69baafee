/** A statement with more work behind it, in ms, or that sends more, in bytes, shares no server connection. */
export const SHORT_MS = 5;
export const SMALL_BYTES = 32 * 1024;

/** A request of more bytes, as the client sends it, shares none either: it is kept until its answer begins. */
export const SHARED_BYTES = 8 * 1024;

/**
 * Why others may not wait behind a statement. `untried`: it is not known yet what it costs. `long`, `large`: on average.
 * `unproven`: too few runs in a row were short. `spoiled`: see `Cost.never`.
 */
export type Doubt = 'untried' | 'long' | 'large' | 'unproven' | 'spoiled';

/** Share of the newest measurement in an average. */
const NEWEST = 1 / 8;
/** Share of a lower measurement in the work. */
const FALLING = 1 / 4;
/**
 * How much the work rises with a higher one, however much higher that is: by nothing much where the server is only
 * shared by more connections, and faster where that does not explain it.
 */
const RISING = 1 / 4_096;
const RISING_FAST = 1 / 64;
/** That many times what is expected is explained by nothing but the statement itself, or another's load. */
const EXPLAINED = 2;
/** What a measurement must at least be, in ms: a clock may see none. */
const LEAST_MS = 0.005;
/**
 * A run that took longer was not short, in ms. Where all runs take longer than the work in them, half of that many times
 * as long is still short, up to so many times.
 */
export const LONG_MS = 20;
const MOST_PATIENCE = 8;
/** How fast what it usually takes follows a run that took more or less. */
const STEP = 1 / 16;
/** Runs in company without a disappointment after which half the caution is given up. */
const FORGIVEN_AFTER = 1_024;
/** Runs in a row that must have been short: at first, times this after each disappointment, and at most. */
const CAUTION = 8;
const MOST_CAUTION = 4_096;
/** So often is no accident any more: it always has to be asked about. */
const RECALLS = 3;

/**
 * What runs of one normal form of statement have cost so far. Shared by all who run it; lives and dies with the
 * form's entry in the digest cache, so that it needs no bound of its own.
 */
export class Cost {
  /** Moving averages. */
  ms = 0;
  bytes = 0;
  /** What it usually takes, in ms: about half of the runs took longer, and how much longer those took is no matter. */
  #usual = 0;
  /**
   * The work behind it, in ms: what it takes when nothing else keeps the server or this process busy. Falls at once,
   * rises slowly: on a busy server all takes longer the more connections it works for, and that is no reason to use
   * more of them.
   */
  work = 0;
  /**
   * Once it left something behind in company, or had to be asked about again and again, it never has company again; but
   * when names mean something else the form is a new one, and is judged anew.
   */
  never = false;
  /** Short runs in a row, and how many are asked for. */
  #runs = 0;
  #asked = 1;
  #inCompany = 0;
  #recalls = 0;

  /** It is expected to be short in time and small in bytes: others may wait behind it. */
  get isShort(): boolean {
    return this.doubt === undefined;
  }

  /** Why it is not; undefined: it is. */
  get doubt(): Doubt | undefined {
    if (this.never) return 'spoiled';
    if (this.work > SHORT_MS) return 'long';
    if (this.bytes > SMALL_BYTES) return 'large';
    if (this.#runs >= this.#asked) return undefined;
    return this.ms === 0 ? 'untried' : 'unproven';
  }

  /** Short runs in a row, by itself, and how many of them are asked for. */
  get runs(): number {
    return this.#runs;
  }

  get asked(): number {
    return this.#asked;
  }

  /** So many times the usual bound it may take: on a busy server every statement does. */
  get patience(): number {
    return this.work === 0 ? 1 : Math.min(MOST_PATIENCE, Math.max(1, this.#usual / this.work / 2));
  }

  /** It ran on a connection of its own. `busy`: those on which the server worked meanwhile. */
  alone(ms: number, bytes: number, busy = 1): void {
    const first = this.ms === 0;
    this.ms = first ? Math.max(LEAST_MS, ms) : average(this.ms, ms);
    this.bytes = first ? bytes : average(this.bytes, bytes);
    this.#took(ms);
    this.#worked(ms, busy);
    const isShort = ms <= LONG_MS * this.patience && bytes <= SMALL_BYTES;
    this.#runs = isShort ? this.#runs + 1 : 0;
  }

  /**
   * It ran among others; `ms` is its share of the time that all of them took. `busy`: connections on which the server
   * worked meanwhile; 0: too few ran in a row to say anything about the work.
   */
  together(ms: number, busy: number): void {
    this.ms = Math.max(LEAST_MS, average(this.ms, ms));
    this.#took(ms);
    if (busy > 0) this.#worked(ms, busy);
    if (++this.#inCompany < FORGIVEN_AFTER) return;
    this.#inCompany = 0;
    this.#asked = Math.max(1, this.#asked / 2);
    this.#recalls = Math.max(0, this.#recalls - 1);
  }

  #took(ms: number): void {
    const usual = this.#usual;
    this.#usual = Math.max(LEAST_MS, usual === 0 ? ms : usual * (ms > usual ? 1 + STEP : 1 - STEP));
  }

  #worked(ms: number, busy: number): void {
    const { work } = this;
    if (work === 0) this.work = Math.max(LEAST_MS, ms);
    else if (ms < work) this.work = Math.max(LEAST_MS, work + (ms - work) * FALLING);
    else this.work = Math.min(ms, work * (1 + (ms > work * busy * EXPLAINED ? RISING_FAST : RISING)));
  }

  sent(bytes: number): void {
    this.bytes = average(this.bytes, bytes);
  }

  /**
   * It kept others waiting although it was expected to be short: it must prove itself again, each time longer. What it
   * does on several lanes at the same time is one time: a server that stands still for a moment does so on all.
   */
  demote(): void {
    if (!this.isShort) return;
    this.#runs = 0;
    this.#inCompany = 0;
    this.#asked = Math.min(MOST_CAUTION, this.#asked * CAUTION);
  }

  /** What the server had to say of it could not be asked for right behind it, because of its company. */
  recalled(): void {
    this.demote();
    if (++this.#recalls >= RECALLS) this.never = true;
  }
}

const average = (before: number, now: number): number => before + (now - before) * NEWEST;
