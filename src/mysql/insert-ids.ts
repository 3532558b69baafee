import type { LinkSide } from './link-side.ts';
import { queryCommand } from './messages.ts';

/** The link that a session is on, and how often it was put back to its beginning. */
type Link = { readonly statements: Pick<LinkSide['statements'], 'resets'> };

/**
 * What a statement has to do with LAST_INSERT_ID().
 * - `none`: it neither asks for it nor changes it.
 * - `may`: it may change it, and the OK packet then has the new value.
 * - `must`: it asks for it, or may change it without a word: the link has to hold the session's own value first.
 */
export type IdUse = 'none' | 'may' | 'must';

/** How a statement ended that has to do with it. */
export interface IdEnd {
  readonly failed: boolean;
  /** Of the OK packet. */
  readonly insertId: bigint;
  /** Nothing but the OK packet's value can have come of it: INSERT and REPLACE without rows, UPDATE. */
  readonly plain: boolean;
  /** The OK packet's value is certainly the new one: UPDATE … LAST_INSERT_ID(expr). */
  readonly certain: boolean;
}

/** What LAST_INSERT_ID() gives on a link as long as nothing puts it back; missing: not known. */
const onLinks = new WeakMap<Link, { readonly value: bigint; readonly resets: number }>();

/** Who was the last to have a link hold its own value. Nobody else relies on what it held before. */
const owners = new WeakMap<Link, InsertIds>();

function isOn(link: Link, value: bigint): boolean {
  const known = onLinks.get(link);
  return known?.value === value && known.resets === link.statements.resets;
}

function put(link: Link, value: bigint): void {
  onLinks.set(link, { value, resets: link.statements.resets });
}

/**
 * One session's LAST_INSERT_ID(), whatever its links have served in between. An OK packet has the first value that was
 * generated, or else one that was given, and then LAST_INSERT_ID() stays what it was; CALL, LOAD DATA, RETURNING and
 * errors change it without a word (seen on MySQL 9.7 and MariaDB 10.11): then the server is asked, at the end of the
 * transaction.
 */
export class InsertIds {
  value = 0n;
  /** The link that holds the session's own value, and whether `value` is that. */
  #own: Link | undefined;
  #known = true;
  /** A value of an OK packet that may be the new one, on a link that did not hold the session's own before. */
  #given: bigint | undefined;
  #asked: Link | undefined;

  /** What must be sent ahead of a statement on this link. */
  front(link: Link, use: IdUse): Buffer | undefined {
    if (use === 'none' || this.#owns(link)) return undefined;
    const holds = isOn(link, this.value);
    onLinks.delete(link);
    owners.delete(link);
    if (!holds && use === 'may') return undefined;
    this.#own = link;
    owners.set(link, this);
    this.#known = true;
    // Unlike SET last_insert_id it is nothing that trackers report.
    return holds ? undefined : queryCommand(`DO LAST_INSERT_ID(${this.value})`);
  }

  #owns(link: Link): boolean {
    return this.#own === link && owners.get(link) === this;
  }

  /**
   * A statement has ended. `idle`: the link may be another's next; after an error that is a guess. True: ask the link
   * for LAST_INSERT_ID().
   */
  ended(link: Link, use: IdUse, end: IdEnd, idle: boolean): boolean {
    if (use !== 'none') this.#change(link, end);
    if (this.#given !== undefined || ((idle || end.failed) && !this.#known)) {
      this.#asked = link;
      return true;
    }
    if (idle) this.#leave();
    return false;
  }

  #change(link: Link, { failed, insertId, plain, certain }: IdEnd): void {
    if (!this.#owns(link)) {
      if (!failed && insertId !== 0n && insertId !== this.value) this.#given = insertId;
      return;
    }
    if (!failed && certain && insertId !== 0n) {
      this.value = insertId;
      this.#known = true;
    } else if (failed || !plain || (insertId !== 0n && insertId !== this.value)) this.#known = false;
  }

  /** The server's answer; undefined: it gave none, or was asked something else. `idle` is certain now. */
  learned(value: bigint | undefined, idle: boolean): void {
    const link = this.#asked;
    this.#asked = undefined;
    const given = this.#given;
    this.#given = undefined;
    if (value !== undefined && (given === undefined || given === value)) this.value = value;
    if (link === undefined) {
      if (idle && this.#known) this.#leave();
      return;
    }
    if (given !== undefined) {
      if (value !== undefined) put(link, value);
      return;
    }
    this.#known = true;
    if (idle) this.#leave();
  }

  /** The link goes on to whoever comes next, and holds this session's value. */
  #leave(): void {
    const link = this.#own;
    if (link !== undefined && this.#owns(link)) {
      put(link, this.value);
      owners.delete(link);
    }
    this.#own = undefined;
    this.#known = true;
  }

  reset(): void {
    this.value = 0n;
    this.#own = undefined;
    this.#known = true;
    this.#given = undefined;
    this.#asked = undefined;
  }
}
