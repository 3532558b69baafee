import {
  BAD,
  END,
  HINT,
  OPERATOR,
  PUNCT,
  QUOTED,
  type Reading,
  Scanner,
  STRING,
  type TokenKind,
  VARIABLE,
  WORD,
} from './tokens.ts';

/** In the place of a name that is not known for certain: no name of any server. */
const UNKNOWN = '\0';

/** All tokens of a text but hints, for those who look back and forth. */
export class TokenList {
  readonly kinds: TokenKind[] = [];
  /** Words and variables in lower case, names unquoted, everything else as it is written. */
  readonly texts: string[] = [];
  /** White space or a comment stands before the token. */
  readonly gaps: boolean[] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  /** The hints for the optimizer in it, in lower case. */
  hints = '';
  /** Its tokens are to the server what they are here. */
  certain = true;
  /** Executable comments met. */
  readonly decisions: number;
  /** As it is written. */
  readonly #bytes: Buffer;
  readonly #reading: Reading;
  #closings: Map<number, number> | undefined;

  /** `comments`: as for `Scanner.begin`. */
  constructor(text: Uint8Array, reading: Reading, comments = 0) {
    this.#bytes = Buffer.from(text.buffer, text.byteOffset, text.length);
    this.#reading = reading;
    const scanner = new Scanner();
    scanner.begin(text, reading, comments);
    for (let kind = scanner.next(); kind !== END && this.certain; kind = scanner.next()) {
      if (kind === BAD) this.certain = false;
      else if (kind === HINT) this.hints += this.#raw(scanner.start, scanner.end).toLowerCase();
      else this.#add(kind, scanner);
    }
    this.decisions = scanner.decisions;
  }

  #add(kind: TokenKind, scanner: Scanner): void {
    this.kinds.push(kind);
    this.gaps.push(scanner.gap);
    this.starts.push(scanner.start);
    this.ends.push(scanner.end);
    const raw = this.#raw(scanner.start, scanner.end);
    if (kind === WORD || kind === VARIABLE) this.texts.push(this.#decoded(raw).toLowerCase());
    else if (kind === QUOTED) this.texts.push(this.#unquoted(raw));
    else this.texts.push(raw);
  }

  #raw(start: number, end: number): string {
    return this.#bytes.toString('latin1', start, end);
  }

  #unquoted(raw: string): string {
    const quote = raw[0] ?? '';
    return this.#decoded(raw.slice(1, -1).replaceAll(quote + quote, quote));
  }

  /** A name beyond ASCII is what the server sees only if nobody converts it on the way. */
  #decoded(latin: string): string {
    if (isAscii(latin)) return latin;
    return this.#reading.utf8 ? Buffer.from(latin, 'latin1').toString('utf8') : UNKNOWN;
  }

  get length(): number {
    return this.kinds.length;
  }

  text(index: number): string {
    return this.texts[index] ?? '';
  }

  kind(index: number): TokenKind {
    return this.kinds[index] ?? END;
  }

  /** A name as it is written: where letters' case counts. */
  name(index: number): string {
    if (this.kinds[index] !== WORD) return this.text(index);
    return this.#decoded(this.#raw(this.starts[index] ?? 0, this.ends[index] ?? 0));
  }

  /** What is written from one token up to another, both included. */
  written(from: number, to: number): string {
    const bytes = this.#bytes.subarray(this.starts[from] ?? 0, this.ends[to] ?? 0);
    return bytes.toString(this.#reading.utf8 ? 'utf8' : 'latin1');
  }

  /** The value of a string constant in quotes of its own; undefined: it has escapes, or is of another form. */
  constant(index: number): string | undefined {
    const raw = this.kinds[index] === STRING ? this.text(index) : '';
    const quote = raw[0];
    if (quote !== "'" && quote !== '"') return undefined;
    if (this.#reading.escapes && raw.includes('\\')) return undefined;
    const text = raw.slice(1, -1).replaceAll(quote + quote, quote);
    if (isAscii(text)) return text;
    return this.#reading.utf8 ? Buffer.from(text, 'latin1').toString('utf8') : undefined;
  }

  /** Is it this unquoted word? */
  is(index: number, word: string): boolean {
    return this.kinds[index] === WORD && this.texts[index] === word;
  }

  mark(index: number, mark: string): boolean {
    return this.kinds[index] === PUNCT && this.texts[index] === mark;
  }

  operator(index: number, operator: string): boolean {
    return this.kinds[index] === OPERATOR && this.texts[index] === operator;
  }

  named(index: number): boolean {
    const kind = this.kinds[index];
    return kind === WORD || kind === QUOTED;
  }

  /** Where the parenthesis that opens at `index` closes; -1 if it does not. */
  closing(index: number): number {
    this.#closings ??= this.#match();
    return this.#closings.get(index) ?? -1;
  }

  #match(): Map<number, number> {
    const closings = new Map<number, number>();
    const open: number[] = [];
    for (let at = 0; at < this.length; at++) {
      if (this.mark(at, '(')) open.push(at);
      else if (this.mark(at, ')')) closings.set(open.pop() ?? -1, at);
    }
    return closings;
  }
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 127) return false;
  return true;
}
