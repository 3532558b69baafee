import { hintComment, readHint } from '../core/hints.ts';
import { BAD, END, NUMBER, OPERATOR, PUNCT, Scanner, STRING, WORD } from './tokens.ts';

/** A longer text gets a buffer of its own, for once. */
const USUAL_TEXT = 32_768;
/** Room for a prefix and a hint. */
const SLACK = 256;

const SPACE = 32;
const APOSTROPHE = 39;
const OPEN = 40;
const CLOSE = 41;
const COMMA = 44;
const DOT = 46;
const ZERO = 48;
const SEMICOLON = 59;

const SET = Buffer.from('set');
const DO = Buffer.from('do');
const NULL = Buffer.from('null');
const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const SET_CONFIG = Buffer.from('set_config');

/** The bytes of the shortest comment that is a hint, less one. */
const MINIMAL_HINT = '/*pointsman:*/'.length - 1;
const ROW_AFTER_CONSTANT = [0, 2, 2, 0, 0, 6, 6];

/**
 * Writes a text in its normal form, which is SQL again: constants emptied, white space and comments one
 * space, unquoted words in lower case, lists of constants one element long. Only a hint in the leading
 * comments is kept. Two texts with one normal form have the same tokens but for constants, so a decision
 * made on the normal form holds for both; nothing but the whole form is ever compared.
 */
export class Digest {
  /** The normal form is `bytes` up to `length`, after the prefix; valid until the next call. */
  bytes: Buffer;
  length = 0;
  /** The decision depends on constants (SET, DO, set_config): not to be taken from a cache. */
  literal = false;
  readonly #usual = Buffer.alloc(USUAL_TEXT * 2 + SLACK);
  readonly #scanner = new Scanner();
  #statement = true;
  /** 1: a constant was the last token, 2: a comma behind a constant. */
  #list = 0;
  #listEnd = 0;
  /** 1 `(` 2 `(0` 3 `(0)` 4 `(0),` 5 `(0),(` 6 `(0),(0` */
  #row = 0;
  #rowEnd = 0;

  constructor() {
    this.bytes = this.#usual;
  }

  /** False: the text cannot be tokenized with certainty. `prefix` bytes are left free. */
  normalize(text: Uint8Array, standardConformingStrings: boolean, prefix = 0): boolean {
    this.bytes = text.length > USUAL_TEXT ? Buffer.alloc(text.length * 2 + SLACK) : this.#usual;
    const scanner = this.#scanner;
    this.length = prefix;
    this.literal = false;
    this.#statement = true;
    this.#list = 0;
    this.#row = 0;
    scanner.begin(text, standardConformingStrings);
    let kind = scanner.next();
    if (scanner.start > MINIMAL_HINT) this.#hint(text, scanner.start);
    while (kind !== END) {
      if (kind === BAD) return false;
      if (kind === STRING || kind === NUMBER) this.#constant(kind);
      else {
        const gap = scanner.gap || (this.#list === 1 && this.#joins(kind, text[scanner.start]));
        if (gap && this.length > prefix) this.bytes[this.length++] = SPACE;
        if (kind === WORD) this.#word(text, scanner.start, scanner.end);
        else if (kind === PUNCT) this.#mark(text, scanner.start, scanner.end);
        else this.#copy(text, scanner.start, scanner.end);
      }
      kind = scanner.next();
    }
    return true;
  }

  /** Would this token behind a constant become part of it? The one that stood there may have been cut. */
  #joins(kind: number, first: number | undefined): boolean {
    return kind === PUNCT ? first === DOT : kind !== OPERATOR;
  }

  #hint(text: Uint8Array, end: number): void {
    const hint = readHint(Buffer.from(text.buffer, text.byteOffset, end).toString('latin1'));
    if (hint === undefined) return;
    const comment = hintComment(hint);
    if (comment.length <= 200) this.length += this.bytes.write(comment, this.length, 'latin1');
  }

  #copy(text: Uint8Array, start: number, end: number): void {
    let length = this.length;
    for (let at = start; at < end; at++) this.bytes[length++] = text[at] as number;
    this.length = length;
    this.#list = 0;
    this.#row = 0;
    this.#statement = false;
  }

  #word(text: Uint8Array, start: number, end: number): void {
    const from = this.length;
    let length = from;
    for (let at = start; at < end; at++) {
      const byte = text[at] as number;
      this.bytes[length++] = byte >= 65 && byte <= 90 ? byte | 32 : byte;
    }
    const size = end - start;
    if ((size === 4 || size === 5) && this.#isConstant(from, size)) {
      this.#constantWord(length);
      return;
    }
    this.length = length;
    this.#list = 0;
    this.#row = 0;
    if (size === 10) this.literal ||= this.#is(from, SET_CONFIG);
    else if (this.#statement && size === 3) this.literal ||= this.#is(from, SET);
    else if (this.#statement && size === 2) this.literal ||= this.#is(from, DO);
    this.#statement = false;
  }

  #is(from: number, word: Buffer): boolean {
    for (let at = 0; at < word.length; at++) if (this.bytes[from + at] !== word[at]) return false;
    return true;
  }

  #isConstant(from: number, size: number): boolean {
    if (size === 5) return this.#is(from, FALSE);
    return this.#is(from, NULL) || this.#is(from, TRUE);
  }

  /** NULL, TRUE and FALSE stay what they are, but count as constants in lists. */
  #constantWord(length: number): void {
    this.#statement = false;
    this.#row = ROW_AFTER_CONSTANT[this.#list === 1 ? 0 : this.#row] as number;
    this.length = this.#list === 2 ? this.#listEnd : length;
    this.#listEnd = this.length;
    this.#list = 1;
  }

  /** The space keeps a constant from joining what stands before it. */
  #constant(kind: number): void {
    this.#statement = false;
    this.#row = ROW_AFTER_CONSTANT[this.#list === 1 ? 0 : this.#row] as number;
    if (this.#list === 2) {
      this.length = this.#listEnd;
      this.#list = 1;
      return;
    }
    this.bytes[this.length++] = SPACE;
    if (kind === NUMBER) this.bytes[this.length++] = ZERO;
    else {
      this.bytes[this.length++] = APOSTROPHE;
      this.bytes[this.length++] = APOSTROPHE;
    }
    this.#list = 1;
    this.#listEnd = this.length;
  }

  #mark(text: Uint8Array, start: number, end: number): void {
    const list = this.#list;
    const row = this.#row;
    const byte = end - start === 1 ? (text[start] as number) : 0;
    this.#copy(text, start, end);
    if (byte === COMMA) {
      this.#list = list === 1 ? 2 : 0;
      this.#row = list === 1 ? row : row === 3 ? 4 : 0;
    } else if (byte === OPEN) this.#row = row === 4 ? 5 : 1;
    else if (byte === CLOSE && list === 1) this.#closeRow(row);
    else if (byte === SEMICOLON) this.#statement = true;
  }

  #closeRow(row: number): void {
    if (row === 2) this.#rowEnd = this.length;
    else if (row === 6) this.length = this.#rowEnd;
    this.#row = row === 2 || row === 6 ? 3 : 0;
  }
}
