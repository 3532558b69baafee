/** What a token is. Source: PostgreSQL's src/backend/parser/scan.l, versions 13 to 18. */
export const END = 0;
/** An unquoted name or keyword. */
export const WORD = 1;
/** A name in double quotes. */
export const QUOTED = 2;
/** Any string constant: '…', E'…', U&'…', B'…', X'…', N'…', $tag$…$tag$. */
export const STRING = 3;
export const NUMBER = 4;
/** $1 */
export const PARAM = 5;
export const OPERATOR = 6;
/** One of , ( ) [ ] . ; : or one of :: := .. */
export const PUNCT = 7;
/** What cannot be tokenized with certainty: an open quote, junk after a number, U&"…". Nothing follows it. */
export const BAD = 8;

export type TokenKind = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const SPACE = 1;
const LETTER = 2;
const DIGIT = 3;
const OPCHAR = 4;
const MARK = 5;
const QUOTE = 6;
const DOUBLE = 7;
const DOLLAR = 8;

const CLASS = new Uint8Array(256);
/** 1 for bytes that go on with a name. */
const NAME = new Uint8Array(256);
/** 1 for operator characters that let an operator of several characters end in + or -. */
const SPECIAL = new Uint8Array(256);

function mark(table: Uint8Array, text: string, value: number): void {
  for (const byte of Buffer.from(text, 'latin1')) table[byte] = value;
}
const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_';
mark(CLASS, ' \t\n\r\f\v', SPACE);
mark(CLASS, letters, LETTER);
mark(CLASS, '0123456789', DIGIT);
mark(CLASS, '~!@#^&|`?+-*/%<>=', OPCHAR);
mark(CLASS, ',()[].;:', MARK);
mark(CLASS, "'", QUOTE);
mark(CLASS, '"', DOUBLE);
mark(CLASS, '$', DOLLAR);
CLASS.fill(LETTER, 128);
mark(NAME, `${letters}0123456789$`, 1);
NAME.fill(1, 128);
mark(SPECIAL, '~!@#^&|`?%', 1);

const LF = 10;
const CR = 13;
const STAR = 42;
const PLUS = 43;
const MINUS = 45;
const DOT = 46;
const SLASH = 47;
const ZERO = 48;
const COLON = 58;
const EQUALS = 61;
const BACKSLASH = 92;
const APOSTROPHE = 39;
const QUOTATION = 34;
const DOLLAR_SIGN = 36;
const AMPERSAND = 38;
const UNDERSCORE = 95;

/** Names of operators are shorter (NAMEDATALEN); a longer run of signs would be read again for each of them. */
const OPERATOR_LIMIT = 128;

function isHex(byte: number): boolean {
  const letter = byte | 32;
  return CLASS[byte] === DIGIT || byte === UNDERSCORE || (letter >= 97 && letter <= 102);
}

type StringForm = 'plain' | 'escape' | 'bits';

/**
 * A cursor over SQL text. `next` moves to the next token and leaves it in `kind`, `start`, `end`;
 * it allocates nothing and never reads outside of the bytes.
 */
export class Scanner {
  kind: TokenKind = END;
  start = 0;
  end = 0;
  /** White space or comments stood before this token. */
  gap = false;
  #bytes: Uint8Array = new Uint8Array(0);
  #length = 0;
  /** Backslashes in plain strings escape (standard_conforming_strings is off). */
  #escapes = false;

  begin(bytes: Uint8Array, standardConformingStrings: boolean): void {
    this.#bytes = bytes;
    this.#length = bytes.length;
    this.#escapes = !standardConformingStrings;
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
    if (at >= this.#length) return this.#take(END, at);
    switch (CLASS[this.#at(at)]) {
      case LETTER:
        return this.#word(at);
      case DIGIT:
        return this.#number(at);
      case MARK:
        return this.#mark(at);
      case OPCHAR:
        return this.#operator(at);
      case QUOTE:
        return this.#string(at + 1, this.#escapes ? 'escape' : 'plain');
      case DOUBLE:
        return this.#quoted(at + 1);
      case DOLLAR:
        return this.#dollar(at);
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

  /** The index of the next token; -1 in a comment without end. */
  #skipGap(from: number): number {
    let at = from;
    for (;;) {
      const byte = this.#at(at);
      if (CLASS[byte] === SPACE) at++;
      else if (byte === MINUS && this.#at(at + 1) === MINUS) at = this.#lineEnd(at);
      else if (byte === SLASH && this.#at(at + 1) === STAR) {
        at = this.#commentEnd(at);
        if (at < 0) return -1;
      } else return at;
    }
  }

  #lineEnd(from: number): number {
    let at = from;
    while (at < this.#length && this.#at(at) !== LF && this.#at(at) !== CR) at++;
    return at;
  }

  /** Block comments nest. */
  #commentEnd(from: number): number {
    let depth = 0;
    let at = from;
    while (at < this.#length) {
      const byte = this.#at(at);
      if (byte === SLASH && this.#at(at + 1) === STAR) {
        depth++;
        at += 2;
      } else if (byte === STAR && this.#at(at + 1) === SLASH) {
        depth--;
        at += 2;
        if (depth === 0) return at;
      } else at++;
    }
    return -1;
  }

  #word(at: number): TokenKind {
    const next = this.#at(at + 1);
    if (next === APOSTROPHE || next === AMPERSAND) {
      const prefix = this.#prefixed(at, this.#at(at) | 32, next);
      if (prefix !== undefined) return prefix;
    }
    let end = at + 1;
    while (NAME[this.#at(end)] === 1) end++;
    return this.#take(WORD, end);
  }

  /** E'', B'', X'', N'', U&'' and U&"". */
  #prefixed(at: number, letter: number, next: number): TokenKind | undefined {
    if (next === APOSTROPHE) {
      if (letter === 101) return this.#string(at + 2, 'escape');
      if (letter === 98 || letter === 120) return this.#string(at + 2, 'bits');
      if (letter === 110) return this.#string(at + 2, this.#escapes ? 'escape' : 'plain');
      return undefined;
    }
    if (letter !== 117) return undefined;
    const quote = this.#at(at + 2);
    // The server refuses U&'' without standard_conforming_strings; names with escapes are not worth decoding.
    if (quote === QUOTATION || (quote === APOSTROPHE && this.#escapes)) return this.#bad();
    return quote === APOSTROPHE ? this.#string(at + 3, 'plain') : undefined;
  }

  #string(from: number, form: StringForm): TokenKind {
    let at = from;
    while (at < this.#length) {
      const byte = this.#at(at);
      if (byte === BACKSLASH && form === 'escape') at += 2;
      else if (byte !== APOSTROPHE) at++;
      else if (form !== 'bits' && this.#at(at + 1) === APOSTROPHE) at += 2;
      else {
        const more = this.#continuation(at + 1);
        if (more < 0) return this.#take(STRING, at + 1);
        at = more;
      }
    }
    return this.#bad();
  }

  /** Where a constant goes on that was interrupted by white space with a newline in it; -1 if it does not. */
  #continuation(from: number): number {
    let at = from;
    let newline = false;
    for (;;) {
      const byte = this.#at(at);
      if (byte === LF || byte === CR) {
        newline = true;
        at++;
      } else if (CLASS[byte] === SPACE) at++;
      else if (byte === MINUS && this.#at(at + 1) === MINUS) at = this.#lineEnd(at);
      else return newline && byte === APOSTROPHE ? at + 1 : -1;
    }
  }

  #quoted(from: number): TokenKind {
    let at = from;
    while (at < this.#length) {
      if (this.#at(at) !== QUOTATION) at++;
      else if (this.#at(at + 1) === QUOTATION) at += 2;
      else return this.#take(QUOTED, at + 1);
    }
    return this.#bad();
  }

  /** $1, or a string in dollar quotes. */
  #dollar(at: number): TokenKind {
    let end = at + 1;
    if (CLASS[this.#at(end)] === DIGIT) {
      while (CLASS[this.#at(end)] === DIGIT) end++;
      return NAME[this.#at(end)] === 1 ? this.#bad() : this.#take(PARAM, end);
    }
    if (CLASS[this.#at(end)] === LETTER) {
      while (NAME[this.#at(end)] === 1 && this.#at(end) !== DOLLAR_SIGN) end++;
    }
    if (this.#at(end) !== DOLLAR_SIGN) return this.#bad();
    return this.#dollarQuoted(at, end + 1);
  }

  #dollarQuoted(tag: number, body: number): TokenKind {
    const size = body - tag;
    for (let at = body; at + size <= this.#length; at++) {
      if (this.#at(at) !== DOLLAR_SIGN) continue;
      let same = 1;
      while (same < size && this.#at(at + same) === this.#at(tag + same)) same++;
      if (same === size) return this.#take(STRING, at + size);
    }
    return this.#bad();
  }

  #digits(from: number): number {
    let at = from;
    for (;;) {
      if (CLASS[this.#at(at)] === DIGIT) at++;
      else if (this.#at(at) === UNDERSCORE && CLASS[this.#at(at + 1)] === DIGIT) at += 2;
      else return at;
    }
  }

  #number(at: number): TokenKind {
    const base = this.#at(at + 1) | 32;
    let end = at;
    if (this.#at(at) === ZERO && (base === 120 || base === 111 || base === 98)) {
      end = at + 2;
      while (isHex(this.#at(end))) end++;
      return this.#numberEnd(end);
    }
    end = this.#digits(at);
    // 1..2 is 1 and then two dots.
    if (this.#at(end) === DOT && this.#at(end + 1) !== DOT) end = this.#digits(end + 1);
    if ((this.#at(end) | 32) === 101) {
      const sign = this.#at(end + 1);
      const digits = sign === PLUS || sign === MINUS ? end + 2 : end + 1;
      if (CLASS[this.#at(digits)] !== DIGIT) return this.#bad();
      end = this.#digits(digits);
    }
    return this.#numberEnd(end);
  }

  /** 12abc is an error since version 15 and was two tokens before; 1.5.x has never been anything. */
  #numberEnd(end: number): TokenKind {
    const junk = NAME[this.#at(end)] === 1 || (this.#at(end) === DOT && this.#at(end + 1) !== DOT);
    return junk ? this.#bad() : this.#take(NUMBER, end);
  }

  #mark(at: number): TokenKind {
    const byte = this.#at(at);
    const next = this.#at(at + 1);
    if (byte === COLON && (next === COLON || next === EQUALS)) return this.#take(PUNCT, at + 2);
    if (byte === DOT && next === DOT) return this.#take(PUNCT, at + 2);
    if (byte === DOT && CLASS[next] === DIGIT) return this.#number(at);
    return this.#take(PUNCT, at + 1);
  }

  #operator(at: number): TokenKind {
    let end = at + 1;
    let special = SPECIAL[this.#at(at)] === 1;
    while (CLASS[this.#at(end)] === OPCHAR) {
      const byte = this.#at(end);
      const next = this.#at(end + 1);
      if ((byte === SLASH && next === STAR) || (byte === MINUS && next === MINUS)) break;
      if (SPECIAL[byte] === 1) special = true;
      end++;
      if (end - at > OPERATOR_LIMIT) return this.#bad();
    }
    if (!special) {
      while (end > at + 1 && (this.#at(end - 1) === PLUS || this.#at(end - 1) === MINUS)) end--;
    }
    return this.#take(OPERATOR, end);
  }
}
