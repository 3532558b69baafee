import { COM_STMT_EXECUTE } from './commands.ts';
import { command, uint16, uint32 } from './messages.ts';
import { lenencText } from './packets.ts';

/*
 * MySQL makes the type of a parameter that nothing else tells of the runs of its statement, and every value of that
 * type then: 0 of 'abc'. Seen on 9.7: as prepared it is a text. A run whose value it does not take has the whole
 * statement prepared anew with the types of that run, where NULL says nothing. It takes any text, and NULL.
 */

/** A letter for what the server tells apart: text, integer, unsigned, double, Decimal, date, time and date, time. */
const TEXT = 't';
const NULL = 'n';
const UNSIGNED = 0x8000;
/** MYSQL_TYPE_… "Column Definition". All others are texts. */
const KINDS: Readonly<Record<number, string>> = {
  0: 'D',
  1: 'i',
  2: 'i',
  3: 'i',
  4: 'd',
  5: 'd',
  6: NULL,
  7: 'z',
  8: 'i',
  9: 'i',
  10: 'y',
  11: 'h',
  12: 'z',
  13: 'i',
  246: 'D',
};
/** What a parameter of each type takes as it is. */
const TAKES: Readonly<Record<string, string>> = {
  t: 'tn',
  i: 'tni',
  u: 'tnu',
  d: 'tniudD',
  D: 'tniuD',
  y: 'tniudDy',
  h: 'tniudDzh',
  z: 'tniudDyzh',
};
const DAY = Buffer.from([4, 0xd0, 7, 1, 1]);
/** Of each type: its number and some value. */
const SAMPLES: Readonly<Record<string, Sample>> = {
  i: { type: 8, value: Buffer.alloc(8) },
  u: { type: 8 | UNSIGNED, value: Buffer.alloc(8) },
  d: { type: 5, value: Buffer.alloc(8) },
  D: { type: 246, value: lenencText('0') },
  y: { type: 10, value: DAY },
  z: { type: 12, value: DAY },
  h: { type: 11, value: Buffer.alloc(1) },
};
const SAMPLE_TEXT: Sample = { type: 253, value: lenencText('') };

interface Sample {
  readonly type: number;
  readonly value: Buffer;
}

/** What a run makes of the parameters of its statement. Types: a letter each, '' where all are texts. */
export interface Typing {
  /** On a connection of the session's own, where all its runs were. */
  readonly types: string;
  /** On a statement that nobody has run. */
  readonly fresh: string;
  /** What these add to the name of the statement on links. */
  readonly name: string;
  readonly freshName: string;
  /** The name that it had there before that changed last. */
  readonly nameBefore: string;
}

export const UNTYPED: Typing = { types: '', fresh: '', name: '', freshName: '', nameBefore: '' };

/**
 * After a run of such kinds. `wording`: the character sets that it runs under, '' for those that it was prepared under;
 * `reworded`: the run before had others, so that it is prepared anew.
 */
export function typingAfter(before: Typing, kinds: string, wording: string, reworded: boolean): Typing {
  const fresh = typesOfFresh(kinds);
  const types = reworded ? fresh : typesAfter(before.types, kinds);
  const name = named(types, wording);
  const nameBefore = name === before.name ? before.nameBefore : before.name;
  return { types, fresh, name, freshName: named(fresh, wording), nameBefore };
}

const named = (types: string, wording: string): string =>
  types === '' || wording === '' ? types : `${types} ${wording}`;

/** The kinds of values of one run, a letter each. `nulls`: a bit for each that is NULL. */
export function kindsOf(types: Buffer, nulls: Buffer): string {
  let kinds = '';
  for (let at = 0; at < types.length >> 1; at++) {
    const isNull = ((nulls[at >> 3] ?? 0) & (1 << (at & 7))) !== 0;
    kinds += isNull ? NULL : kindOf(types.readUInt16LE(at * 2));
  }
  return kinds;
}

function kindOf(type: number): string {
  const kind = KINDS[type & 0xff] ?? TEXT;
  return kind === 'i' && (type & UNSIGNED) !== 0 ? 'u' : kind;
}

/** The types that a statement has which is prepared anew for such a run, '' if all are texts. */
function typesOfFresh(kinds: string): string {
  const types = kinds.replaceAll(NULL, TEXT);
  return isText(types) ? '' : types;
}

const isText = (types: string): boolean => /^t*$/.test(types);

/** The types that a statement of these types has after such a run. */
function typesAfter(types: string, kinds: string): string {
  for (let at = 0; at < kinds.length; at++) {
    const takes = TAKES[types[at] ?? TEXT] ?? '';
    if (!takes.includes(kinds[at] ?? NULL)) return typesOfFresh(kinds);
  }
  return types;
}

/** A run that gives a statement these types. */
export function runFor(types: string, statement: number): Buffer {
  const samples = Array.from(types, (kind) => SAMPLES[kind] ?? SAMPLE_TEXT);
  const nulls = Buffer.alloc((types.length + 7) >> 3);
  const said = samples.map(({ type }) => uint16(type));
  const values = samples.map(({ value }) => value);
  const head = [uint32(statement), Buffer.from([0]), uint32(1)];
  return command(COM_STMT_EXECUTE, ...head, nulls, Buffer.from([1]), ...said, ...values);
}
