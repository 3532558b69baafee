import { hintComment, readHint } from '../core/hints.ts';
import {
  BAD,
  END,
  NUMBER,
  OPERATOR,
  PUNCT,
  type Reading,
  Scanner,
  STRING,
  VARIABLE,
  WORD,
} from './tokens.ts';

/** A longer text gets a buffer of its own, for once. */
const USUAL_TEXT = 32_768;
/** Room for a prefix and a hint. */
const SLACK = 768;

const SPACE = 32;
const QUOTATION = 34;
const APOSTROPHE = 39;
const OPEN = 40;
const CLOSE = 41;
const COMMA = 44;
const MINUS = 45;
const DOT = 46;
const ZERO = 48;
const SEMICOLON = 59;

/** Statements that mean something else with every constant, or are no frequent ones. */
const LITERAL = ['set', 'kill', 'show', 'xa'].map((word) => Buffer.from(word));
/** Questions whose answer has their own text as the name of its column. */
const QUESTIONS = ['row_count', 'found_rows', 'connection_id'].map((word) => Buffer.from(word));
const ASKED = ['warning_count', 'error_count'].map((word) => Buffer.from(word));

/** The bytes of the shortest comment that is a hint, less one. */
const MINIMAL_HINT = '/*pointsman:*/'.length - 1;
const ROW_AFTER_CONSTANT = [0, 2, 2, 0, 0, 6, 6];

/** How a normal form is to be read: its constants have neither escapes nor double quotes. */
export const normalReading = (utf8: boolean): Reading => ({ escapes: false, ansi: true, utf8 });

/**
 * Writes a text in its normal form, which is SQL again: constants emptied, white space and comments one space, lists
 * of constants one element long. Words stay as they are: the case of a table's name may count. Only a hint in the
 * leading comments and the optimizer's hints are kept. Two texts with one normal form have the same tokens but for
 * constants, so a decision made on the normal form holds for both; nothing but the whole form is ever compared.
 */
export class Digest {
  /** The normal form is `bytes` up to `length`, after the prefix; valid until the next call. */
  bytes: Buffer;
  length = 0;
  /** The decision depends on constants, spelling, or executable comments: not to be taken from a cache. */
  literal = false;
  readonly #usual = Buffer.alloc(USUAL_TEXT * 2 + SLACK);
  readonly #scanner = new Scanner();
  #statement = true;
  #minus = false;
  /** 1: a constant was the last token, 2: a comma behind a constant. */
  #list = 0;
  #listEnd = 0;
  /** 1 `(` 2 `(0` 3 `(0)` 4 `(0),` 5 `(0),(` 6 `(0),(0` */
  #row = 0;
  #rowEnd = 0;

  constructor() {
    this.bytes = this.#usual;
  }

  /** False: the text cannot be tokenized with certainty. `prefix` bytes, at most 512, are left free. */
  normalize(text: Uint8Array, reading: Reading, prefix = 0): boolean {
    this.bytes = text.length > USUAL_TEXT ? Buffer.alloc(text.length * 2 + SLACK) : this.#usual;
    const scanner = this.#scanner;
    this.length = prefix;
    this.literal = false;
    this.#statement = true;
    this.#minus = false;
    this.#list = 0;
    this.#row = 0;
    scanner.begin(text, reading);
    let kind = scanner.next();
    if (scanner.start > MINIMAL_HINT) this.#hint(text, scanner.start);
    while (kind !== END) {
      if (kind === BAD || scanner.decisions > 0) break;
      if (kind === STRING || kind === NUMBER) this.#constant(kind);
      else {
        const gap = scanner.gap || (this.#list === 1 && this.#joins(kind, text[scanner.start]));
        const minus = kind === OPERATOR && text[scanner.start] === MINUS;
        // Two of them with a space behind would begin a comment.
        if ((gap || (minus && this.#minus)) && this.length > prefix) this.bytes[this.length++] = SPACE;
        if (kind === WORD) this.#word(text, scanner.start, scanner.end);
        else if (kind === PUNCT) this.#mark(text, scanner.start, scanner.end);
        else if (kind === VARIABLE) this.#variable(text, scanner.start, scanner.end);
        else this.#copy(text, scanner.start, scanner.end);
        this.#minus = minus;
      }
      kind = scanner.next();
    }
    // Not for certain, or code for some servers only: whoever reads it does so with all that is in it.
    this.literal ||= scanner.decisions > 0;
    return kind !== BAD && scanner.kind !== BAD;
  }

  /** Would this token behind a constant become part of it? The one that stood there may have been of another form. */
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
    const size = end - start;
    if (this.#statement && size <= 4) this.literal ||= LITERAL.some((word) => same(text, start, size, word));
    else if (size >= 9 && size <= 13)
      this.literal ||= QUESTIONS.some((word) => same(text, start, size, word));
    this.#copy(text, start, end);
  }

  /** The quotes around its name, or what it is called in the answer, are those of the text. */
  #variable(text: Uint8Array, start: number, end: number): void {
    const quote = text[end - 1];
    if (quote === QUOTATION || quote === APOSTROPHE) this.literal = true;
    this.literal ||= ASKED.some((word) => same(text, end - word.length, word.length, word));
    this.#copy(text, start, end);
  }

  /** The space keeps a constant from joining what stands before it. */
  #constant(kind: number): void {
    this.#statement = false;
    this.#minus = false;
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

/** Are these bytes this word in lower case, in any case? */
function same(text: Uint8Array, start: number, size: number, word: Buffer): boolean {
  if (size !== word.length || start < 0) return false;
  for (let at = 0; at < size; at++) {
    const byte = text[start + at] as number;
    if ((byte >= 65 && byte <= 90 ? byte | 32 : byte) !== word[at]) return false;
  }
  return true;
}
