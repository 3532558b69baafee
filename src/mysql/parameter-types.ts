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
/** One that was something else before, and is said to be longer. */
const AGAIN = 'T';
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
  10: 'y',
  11: 'h',
  12: 'z',
  246: 'D',
};
/** What a parameter of each type takes as it is. */
const TAKES: Readonly<Record<string, string>> = {
  t: 'tn',
  T: 'tn',
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

/** What a run makes of the parameters of its statement: a letter each, '' where all are as prepared. */
export interface Typing {
  /** On a connection of the session's own, where all its runs were. */
  readonly types: string;
  /** On a statement that nobody has run. */
  readonly fresh: string;
  /** What `types` was before that changed last. */
  readonly typesBefore: string;
}

export const UNTYPED: Typing = { types: '', fresh: '', typesBefore: '' };

/** After a run with such kinds of values. */
export function typingAfter(before: Typing, kinds: string): Typing {
  const fresh = typesAfter('', kinds);
  const types = typesAfter(before.types, kinds);
  return { types, fresh, typesBefore: types === before.types ? before.typesBefore : before.types };
}

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

/** The types that a statement of these types has after such a run. */
function typesAfter(types: string, kinds: string): string {
  let changes = false;
  let after = '';
  for (let at = 0; at < kinds.length; at++) {
    const type = types[at] ?? TEXT;
    const kind = kinds[at] ?? NULL;
    changes ||= TAKES[type]?.includes(kind) === false;
    if (kind === NULL) after += TEXT;
    else if (kind === TEXT) after += type === TEXT ? TEXT : AGAIN;
    else after += kind;
  }
  return changes ? after : types;
}

/** Runs that give a statement as prepared these types, or bring it so far that the run itself does. */
export function runsFor({ types, fresh }: Typing, statement: number): Buffer[] {
  const last = types.replaceAll(AGAIN, TEXT);
  if (last === types) return [run(types, statement)];
  // Texts that were something else: only another parameter's new type makes them texts.
  const first = run(types.replaceAll(/[^T]/g, TEXT).replaceAll(AGAIN, 'i'), statement);
  // Of a text beside a number MySQL makes what its value looks like: the client's own counts where it can.
  return last === fresh ? [first] : [first, run(last, statement)];
}

function run(types: string, statement: number): Buffer {
  const samples = Array.from(types, (type) => SAMPLES[type] ?? SAMPLE_TEXT);
  const nulls = Buffer.alloc((types.length + 7) >> 3);
  const head = [uint32(statement), Buffer.from([0]), uint32(1)];
  const said = samples.map(({ type }) => uint16(type));
  const values = samples.map(({ value }) => value);
  return command(COM_STMT_EXECUTE, ...head, nulls, Buffer.from([1]), ...said, ...values);
}
