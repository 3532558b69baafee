import { BAD, END, OPERATOR, PUNCT, QUOTED, Scanner, type TokenKind, WORD } from './tokens.ts';

/** Longer names are cut by the server (NAMEDATALEN), so that they may mean another one. */
const NAME_LIMIT = 63;

/** All tokens of a text, for those who look back and forth. */
export class TokenList {
  readonly kinds: TokenKind[] = [];
  /** Words in lower case, names unquoted, everything else as it is written. */
  readonly texts: string[] = [];
  /** Its names mean to the server what they mean here. */
  certain = true;
  /** Backslashes escape in plain constants. */
  readonly escapes: boolean;
  /** The text is in UTF-8. */
  readonly utf8: boolean;
  #closings: Map<number, number> | undefined;

  constructor(text: Uint8Array, standardConformingStrings: boolean, utf8: boolean) {
    this.escapes = !standardConformingStrings;
    this.utf8 = utf8;
    const bytes = Buffer.from(text.buffer, text.byteOffset, text.length);
    const scanner = new Scanner();
    scanner.begin(text, standardConformingStrings);
    for (let kind = scanner.next(); kind !== END; kind = scanner.next()) {
      if (kind === BAD) this.certain = false;
      if (kind === BAD) return;
      this.kinds.push(kind);
      const raw = bytes.toString('latin1', scanner.start, scanner.end);
      if (kind === WORD) this.texts.push(this.#name(lower(raw)));
      else if (kind === QUOTED) this.texts.push(this.#name(raw.slice(1, -1).replaceAll('""', '"'), true));
      else this.texts.push(raw);
    }
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

  /** A name beyond ASCII is what the server sees only if nobody converts or folds it on the way. */
  #name(latin: string, exact = false): string {
    if (latin.length > NAME_LIMIT) this.certain = false;
    if (isAscii(latin)) return latin;
    const text = Buffer.from(latin, 'latin1').toString('utf8');
    if (!this.utf8 || (!exact && text !== text.toLowerCase())) this.certain = false;
    return text;
  }
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 127) return false;
  return true;
}

/** The server folds ASCII letters only. */
function lower(text: string): string {
  return isAscii(text) ? text.toLowerCase() : text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
