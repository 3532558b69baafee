/** The classes of bytes, as the tokenizer tells them apart (mysys/charset.cc, init_state_maps). */
export const SPACE = 1;
export const LETTER = 2;
export const DIGIT = 3;
export const SIGN = 4;
export const MARK = 5;
export const QUOTE = 6;
export const DOUBLE = 7;
export const TICK = 8;
export const AT = 9;
export const HIGH = 10;
export const BACK = 11;

export const CLASS = new Uint8Array(256);
/** 1 for ASCII bytes that go on with a name, 2 for others. */
export const NAME = new Uint8Array(256);

function mark(table: Uint8Array, text: string, value: number): void {
  for (const byte of Buffer.from(text, 'latin1')) table[byte] = value;
}
const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_';
mark(CLASS, ' \t\n\r\f\v', SPACE);
mark(CLASS, letters, LETTER);
mark(CLASS, '0123456789', DIGIT);
mark(CLASS, '~!^&|+-*/%<>=:{}[]?', SIGN);
mark(CLASS, ',().;', MARK);
mark(CLASS, "'", QUOTE);
mark(CLASS, '"', DOUBLE);
mark(CLASS, '`', TICK);
mark(CLASS, '@', AT);
mark(CLASS, '\\', BACK);
CLASS.fill(HIGH, 128);
mark(NAME, `${letters}0123456789$`, 1);
NAME.fill(2, 128);

export const LF = 10;
export const BANG = 33;
export const QUOTATION = 34;
export const HASH = 35;
export const APOSTROPHE = 39;
export const STAR = 42;
export const PLUS = 43;
export const MINUS = 45;
export const DOT = 46;
export const SLASH = 47;
export const ZERO = 48;
export const COLON = 58;
export const EQUALS = 61;
export const QUESTION = 63;
export const AT_SIGN = 64;
export const CAPITAL_M = 77;
export const CAPITAL_N = 78;
export const BACKSLASH = 92;
export const BACKTICK = 96;

export function isHex(byte: number): boolean {
  const letter = byte | 32;
  return CLASS[byte] === DIGIT || (letter >= 97 && letter <= 102);
}
