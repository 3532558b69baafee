/** What stands ahead of a text's first word: white space, parentheses, comments that no server executes. */
const AHEAD = /^(?:[\s(]|--[\s][^\n]*(?:\n|$)|#[^\n]*(?:\n|$)|\/\*(?![!M])[\s\S]*?\*\/)*/;
const WORD = /^[a-z_]+/;

/** Bytes in which the first word is looked for. */
const LOOKED_AT = 4_096;

/** The first word of a text in lower case; '' if none can be made out. */
export function firstWord(text: Buffer): string {
  const start = text.toString('latin1', 0, Math.min(text.length, LOOKED_AT)).toLowerCase();
  const ahead = AHEAD.exec(start)?.[0].length ?? 0;
  return WORD.exec(start.slice(ahead))?.[0] ?? '';
}
