/** DEALLOCATE ALL, or DISCARD ALL. */
export const ALL = Symbol('all');

const ONE = /^\s*deallocate\s+(?:prepare\s+)?(?:"((?:[^"]|"")+)"|([a-z_][\w$]*))\s*;?\s*$/i;
const EVERY = /^\s*(?:deallocate\s+(?:prepare\s+)?all|discard\s+all)\s*;?\s*$/i;
/** Longer texts are no DEALLOCATE that a driver writes. */
const LONGEST = 200;

/** The statement that a text deallocates, if that is all it does. */
export function deallocates(text: Buffer): string | typeof ALL | undefined {
  if (text.length > LONGEST) return undefined;
  const read = text.toString('latin1');
  if (EVERY.test(read)) return ALL;
  const found = ONE.exec(read);
  return found?.[1]?.replaceAll('""', '"') ?? found?.[2]?.toLowerCase();
}
