import {
  APOSTROPHE,
  AT,
  AT_SIGN,
  BACK,
  BACKSLASH,
  BACKTICK,
  BANG,
  CAPITAL_M,
  CAPITAL_N,
  CLASS,
  COLON,
  DIGIT,
  DOT,
  DOUBLE,
  EQUALS,
  HASH,
  HIGH,
  isHex,
  LETTER,
  LF,
  MARK,
  MINUS,
  NAME,
  PLUS,
  QUESTION,
  QUOTATION,
  QUOTE,
  SIGN,
  SLASH,
  SPACE,
  STAR,
  TICK,
  ZERO,
} from './token-bytes.ts';

/**
 * What a token is. Source: sql/sql_lex.cc and mysys/charset.cc (init_state_maps) of MySQL 8.0 to 9.7 and MariaDB 10.6
 * to 11, which agree on all that is said here.
 */
export const END = 0;
/** An unquoted name or keyword. */
export const WORD = 1;
/** A name in backticks, or in double quotes under ANSI_QUOTES. */
export const QUOTED = 2;
/** Any string constant: '…', "…", N'…', X'…', B'…'. */
export const STRING = 3;
/** 1, 1.5e3, 0x1F, 0b01, \N */
export const NUMBER = 4;
/** ? */
const PARAM = 5;
/** One sign, or `:=`. */
export const OPERATOR = 6;
/** One of , ( ) . ; */
export const PUNCT = 7;
/** `@name`, `@'name'`, `@@name`, `@@scope.name`. */
export const VARIABLE = 8;
/** A comment with a plus: orders for MySQL's optimizer. */
export const HINT = 9;
/** What cannot be tokenized with certainty: an open quote, junk behind a number, `$…`. Nothing follows it. */
export const BAD = 10;

export type TokenKind = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;

/** How a text is to be read. */
export interface Reading {
  /** Backslashes escape in string constants (no NO_BACKSLASH_ESCAPES). */
  readonly escapes: boolean;
  /** Double quotes are around names. */
  readonly ansi: boolean;
  /** The text is in UTF-8; otherwise in an encoding of one byte a character that has ASCII in its lower half. */
  readonly utf8: boolean;
}

/** More executable comments are not followed. */
const DECISIONS = 30;

/** Bytes that a hint of the optimizer may hold to be the same comment for all who read it. */
const PLAIN_HINT = /^[\w$@,().=%\s#-]*$/;

/**
 * A cursor over SQL text. `next` moves to the next token and leaves it in `kind`, `start`, `end`;
 * it allocates nothing but for hints and never reads outside of the bytes.
 *
 * An executable comment is code or a comment, by the engine and its version: `comments` says which, a bit for each in
 * their order, 1 for comment; `decisions` counts those met.
 */
export class Scanner {
  kind: TokenKind = END;
  start = 0;
  end = 0;
  /** White space or comments stood before this token. */
  gap = false;
  /** Executable comments met. */
  decisions = 0;
  #comments = 0;
  /** Inside an executable comment that is read as code. */
  #inside = false;
  #bytes: Uint8Array = new Uint8Array(0);
  #length = 0;
  #escapes = true;
  #ansi = false;
  #utf8 = true;

  begin(bytes: Uint8Array, reading: Reading, comments = 0): void {
    this.#bytes = bytes;
    this.#length = bytes.length;
    this.#escapes = reading.escapes;
    this.#ansi = reading.ansi;
    this.#utf8 = reading.utf8;
    this.#comments = comments;
    this.#inside = false;
    this.decisions = 0;
    this.kind = END;
    this.start = 0;
    this.end = 0;
    this.gap = false;
  }

  next(): TokenKind {
    if (this.kind === BAD) return BAD;
    const from = this.end;
    const at = this.#skipGap(from);
    this.gap = at !== from;
    this.start = at < 0 ? from : at;
    if (at < 0) return this.#bad();
    if (at >= this.#length) return this.#inside ? this.#bad() : this.#take(END, at);
    switch (CLASS[this.#at(at)]) {
      case LETTER:
        return this.#word(at);
      case HIGH:
        return this.#utf8 ? this.#name(at) : this.#bad();
      case DIGIT:
        return this.#number(at);
      case MARK:
        return this.#mark(at);
      case SIGN:
        return this.#sign(at);
      case QUOTE:
        return this.#string(at + 1, APOSTROPHE);
      case DOUBLE:
        return this.#ansi ? this.#quoted(at + 1, QUOTATION, QUOTED) : this.#string(at + 1, QUOTATION);
      case TICK:
        return this.#quoted(at + 1, BACKTICK, QUOTED);
      case AT:
        return this.#variable(at);
      case BACK:
        return this.#at(at + 1) === CAPITAL_N ? this.#take(NUMBER, at + 2) : this.#bad();
      default:
        return this.#bad();
    }
  }

  #at(index: number): number {
    return index < this.#length ? (this.#bytes[index] as number) : 0;
  }

  #take(kind: TokenKind, end: number): TokenKind {
    this.kind = kind;
    this.end = end;
    return kind;
  }

  #bad(): TokenKind {
    return this.#take(BAD, this.#length);
  }

  /** The index of the next token, a hint included; -1 in a comment without end, or one that is not certain. */
  #skipGap(from: number): number {
    let at = from;
    while (at >= 0) {
      const byte = this.#at(at);
      if (CLASS[byte] === SPACE) at++;
      else if (byte === HASH) at = this.#lineEnd(at);
      else if (byte === MINUS && this.#at(at + 1) === MINUS) {
        const behind = at + 2 < this.#length ? this.#at(at + 2) : LF;
        if (behind > 32 && behind !== 127) return at;
        at = this.#lineEnd(at);
      } else if (byte === SLASH && this.#at(at + 1) === STAR) {
        if (this.#at(at + 2) === PLUS) return at;
        at = this.#comment(at);
      } else if (this.#inside && byte === STAR && this.#at(at + 1) === SLASH) {
        this.#inside = false;
        at += 2;
      } else return at;
    }
    return -1;
  }

  /** A null byte ends a comment as well, and what follows it is text again. */
  #lineEnd(from: number): number {
    let at = from;
    while (at < this.#length && this.#bytes[at] !== LF) {
      if (this.#bytes[at] === 0) return -1;
      at++;
    }
    return at;
  }

  #comment(at: number): number {
    const maria = this.#at(at + 2) === CAPITAL_M && this.#at(at + 3) === BANG;
    const close = this.#commentEnd(at + 2);
    if (!maria && this.#at(at + 2) !== BANG) return close;
    if (close < 0 || this.decisions >= DECISIONS) return -1;
    // A comment inside of it ends it or not, by engine and version; so does one that ends behind another's begin.
    for (let inner = at + 2; inner < close - 2; inner++) {
      if (this.#bytes[inner] === SLASH && this.#bytes[inner + 1] === STAR) return -1;
    }
    const code = (this.#comments & (1 << this.decisions)) === 0;
    this.decisions++;
    if (!code) return close;
    if (this.#inside) return -1;
    this.#inside = true;
    return this.#version(at + (maria ? 4 : 3));
  }

  /** Behind the version of an executable comment: five or six digits, or none; anything else is not certain. */
  #version(from: number): number {
    let at = from;
    while (CLASS[this.#at(at)] === DIGIT) at++;
    const size = at - from;
    if (size === 0) return at;
    return (size === 5 || size === 6) && CLASS[this.#at(at)] === SPACE ? at : -1;
  }

  #commentEnd(from: number): number {
    for (let at = from; at + 1 < this.#length; at++) {
      if (this.#bytes[at] === STAR && this.#bytes[at + 1] === SLASH) return at + 2;
    }
    return -1;
  }

  #word(at: number): TokenKind {
    if (this.#at(at + 1) === APOSTROPHE) {
      const letter = this.#at(at) | 32;
      if (letter === 110) return this.#string(at + 2, APOSTROPHE);
      if (letter === 120 || letter === 98) return this.#digitString(at + 2, letter === 120);
    }
    return this.#name(at);
  }

  #name(at: number): TokenKind {
    const end = this.#nameEnd(at);
    return end < 0 ? this.#bad() : this.#take(WORD, end);
  }

  /** Behind the name at `at`; -1 where a character beyond ASCII is none, or none of the basic plane. */
  #nameEnd(from: number): number {
    let at = from;
    for (;;) {
      const form = NAME[this.#at(at)];
      if (form === 0) return at;
      if (form === 1) at++;
      else {
        const size = this.#utf8 ? this.#character(at) : 0;
        if (size === 0) return -1;
        at += size;
      }
    }
  }

  /** Bytes of a character of two or three bytes in UTF-8; 0: none. */
  #character(at: number): number {
    const lead = this.#at(at);
    const size = lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : 0;
    for (let next = 1; next < size; next++) if ((this.#at(at + next) & 0xc0) !== 0x80) return 0;
    if (lead === 0xe0 && this.#at(at + 1) < 0xa0) return 0;
    return size;
  }

  #string(from: number, quote: number): TokenKind {
    let at = from;
    while (at < this.#length) {
      const byte = this.#bytes[at] as number;
      if (byte === BACKSLASH && this.#escapes) at += 2;
      else if (byte !== quote) at++;
      else if (this.#at(at + 1) === quote) at += 2;
      else return this.#take(STRING, at + 1);
    }
    return this.#bad();
  }

  /** X'…' and B'…' */
  #digitString(from: number, hex: boolean): TokenKind {
    let at = from;
    while (hex ? isHex(this.#at(at)) : (this.#at(at) | 1) === 49) at++;
    if (this.#at(at) !== APOSTROPHE || (hex && (at - from) % 2 === 1)) return this.#bad();
    return this.#take(STRING, at + 1);
  }

  #quoted(from: number, quote: number, kind: TokenKind): TokenKind {
    let at = from;
    while (at < this.#length) {
      const byte = this.#bytes[at] as number;
      if (byte === 0) break;
      if (byte > 127 && this.#utf8) {
        const size = this.#character(at);
        // What is no character ends the name for some servers.
        if (size === 0) break;
        at += size;
      } else if (byte !== quote) at++;
      else if (this.#at(at + 1) === quote) at += 2;
      else return at === from ? this.#bad() : this.#take(kind, at + 1);
    }
    return this.#bad();
  }

  #variable(at: number): TokenKind {
    const next = this.#at(at + 1);
    if (next === AT_SIGN) return this.#systemVariable(at + 2);
    if (next === APOSTROPHE || (next === QUOTATION && !this.#ansi)) {
      return this.#string(at + 2, next) === BAD ? BAD : this.#take(VARIABLE, this.end);
    }
    if (next === BACKTICK || next === QUOTATION) return this.#quoted(at + 2, next, VARIABLE);
    let end = at + 1;
    while (NAME[this.#at(end)] === 1 || this.#at(end) === DOT) end++;
    return NAME[this.#at(end)] === 2 ? this.#bad() : this.#take(VARIABLE, end);
  }

  #systemVariable(from: number): TokenKind {
    let end = from;
    while (NAME[this.#at(end)] === 1 || (this.#at(end) === DOT && NAME[this.#at(end + 1)] === 1)) end++;
    return NAME[this.#at(end)] === 2 ? this.#bad() : this.#take(VARIABLE, end);
  }

  #digits(from: number): number {
    let at = from;
    while (CLASS[this.#at(at)] === DIGIT) at++;
    return at;
  }

  /** A number, or a name that begins with a digit. 1e5x and 1.5x are two tokens to the server: not worth following. */
  #number(at: number): TokenKind {
    const base = this.#at(at) === ZERO ? this.#at(at + 1) : 0;
    if (base === 120 || base === 98) {
      let end = at + 2;
      while (base === 120 ? isHex(this.#at(end)) : (this.#at(end) | 1) === 49) end++;
      return end > at + 2 && NAME[this.#at(end)] === 0 ? this.#take(NUMBER, end) : this.#name(at);
    }
    const end = this.#digits(at);
    const letter = this.#at(end) | 32;
    if (NAME[this.#at(end)] !== 0 && letter !== 101) return this.#name(at);
    return this.#fraction(end);
  }

  #fraction(from: number): TokenKind {
    let end = from;
    if (this.#at(end) === DOT) end = this.#digits(end + 1);
    if ((this.#at(end) | 32) === 101) {
      const sign = this.#at(end + 1);
      const digits = sign === PLUS || sign === MINUS ? end + 2 : end + 1;
      if (CLASS[this.#at(digits)] !== DIGIT) return this.#bad();
      end = this.#digits(digits);
    }
    return NAME[this.#at(end)] !== 0 || this.#at(end) === DOT ? this.#bad() : this.#take(NUMBER, end);
  }

  #mark(at: number): TokenKind {
    if (this.#at(at) === DOT && CLASS[this.#at(at + 1)] === DIGIT) {
      // t.1 is a name behind a name, `t`.1 a number behind one.
      const behindName = (this.kind === WORD || this.kind === QUOTED) && !this.gap;
      return behindName ? this.#bad() : this.#fraction(at);
    }
    return this.#take(PUNCT, at + 1);
  }

  #sign(at: number): TokenKind {
    const byte = this.#at(at);
    if (byte === QUESTION) return this.#take(PARAM, at + 1);
    if (byte === COLON && this.#at(at + 1) === EQUALS) return this.#take(OPERATOR, at + 2);
    if (byte === SLASH && this.#at(at + 1) === STAR) return this.#hint(at);
    return this.#take(OPERATOR, at + 1);
  }

  /** MySQL has a grammar of its own for these, with quotes; where it is read as a comment it has none. */
  #hint(at: number): TokenKind {
    const end = this.#commentEnd(at + 3);
    if (end < 0) return this.#bad();
    const text = Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + at + 3, end - at - 5);
    return PLAIN_HINT.test(text.toString('latin1')) ? this.#take(HINT, end) : this.#bad();
  }
}
