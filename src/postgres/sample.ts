import { END, NUMBER, Scanner } from './tokens.ts';

/** A longer text is no sample: each is kept as long as its normal form is. */
const LONGEST = 1_024;
const ZERO = 0x30;
const NINE = 0x39;

const scanner = new Scanner();

/**
 * A text whose normal form is known. Another one that differs from it in nothing but the digits of whole numbers has the
 * same tokens, and so the same normal form: that is seen without making it.
 */
export class Sample {
  readonly #text: Uint8Array;
  /** Where its whole numbers start and end. */
  readonly #numbers: readonly number[];

  private constructor(text: Uint8Array, numbers: readonly number[]) {
    this.#text = text;
    this.#numbers = numbers;
  }

  /** Of a text that has certain tokens where backslashes in strings mean nothing; undefined: it is too long. */
  static of(text: Uint8Array): Sample | undefined {
    if (text.length > LONGEST) return undefined;
    const numbers: number[] = [];
    scanner.begin(text, true);
    for (let kind = scanner.next(); kind !== END; kind = scanner.next()) {
      const { start, end } = scanner;
      if (kind === NUMBER && digitsFrom(text, start) === end) numbers.push(start, end);
    }
    return new Sample(Uint8Array.from(text), numbers);
  }

  /** The other has the same normal form; false: it may have. */
  matches(other: Uint8Array): boolean {
    const own = this.#text;
    const numbers = this.#numbers;
    let from = 0;
    let at = 0;
    for (let number = 0; number < numbers.length; number += 2) {
      const start = numbers[number] as number;
      if (other.length - at <= start - from) return false;
      while (from < start) if (own[from++] !== other[at++]) return false;
      const end = digitsFrom(other, at);
      if (end === at) return false;
      at = end;
      from = numbers[number + 1] as number;
    }
    if (other.length - at !== own.length - from) return false;
    while (from < own.length) if (own[from++] !== other[at++]) return false;
    return true;
  }
}

/** The end of the digits that start there. */
function digitsFrom(text: Uint8Array, from: number): number {
  let at = from;
  while (at < text.length && (text[at] as number) >= ZERO && (text[at] as number) <= NINE) at++;
  return at;
}
