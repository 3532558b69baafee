import { type Cost, type Doubt, SHARED_BYTES, SHORT_MS, SMALL_BYTES } from './cost.ts';
import type { Alone, Intent } from './intent.ts';

/** Whether a statement may share a server connection with those of other sessions, for people and tools. */
export interface Company extends Verdict {
  /** Where worker processes serve clients: what each of them knows that answered. */
  readonly workers?: readonly (Verdict & { readonly worker: number })[];
}

/** As one process sees it. */
export interface Verdict {
  /** `not yet`: its cost stands in the way, as far as it is known. */
  readonly may: 'yes' | 'not yet' | 'no';
  readonly because: string;
  /** What has been learned of statements of its form; undefined: nothing, or it is of no use. */
  readonly learned?: Learned;
}

/** Moving averages; what lanes go by. */
export interface Learned {
  readonly ms: number;
  readonly bytes: number;
  /** Short runs in a row, while it had a connection to itself, and how many of them are asked for. */
  readonly shortRuns: number;
  readonly shortRunsAsked: number;
}

const ALONE: Readonly<Record<Alone, string>> = {
  'no-read': 'it is no plain read',
  'unknown-names': 'not all names in it are known',
  'leaves-state': 'it may leave state behind',
  begins: 'it opens a transaction',
  several: 'it is one of several statements',
  'tells-apart': 'its answer may tell sessions or server connections apart',
  'looks-back': 'it asks for what an earlier statement of its session did',
  'asked-behind': 'the server has to be asked something right behind it',
};

const kB = (bytes: number): string => `${bytes / 1024} kB`;
const LIMITS = `at most ${SHORT_MS} ms of work and ${kB(SMALL_BYTES)} on average`;

/**
 * Whether a unit may share a server connection as far as its text and its cost say; the session may still have to be
 * alone (a transaction, a pin). `bytes`: of its text.
 */
export function companyOf(intent: Intent, bytes: number): Verdict {
  const { kind, cost, alone } = intent;
  if (kind !== 'read') return no(ALONE['no-read']);
  if (bytes > SHARED_BYTES) return no(`it is larger than ${kB(SHARED_BYTES)}`);
  if (cost === undefined) return no(alone === undefined ? 'its form is not remembered' : ALONE[alone]);
  const { doubt } = cost;
  if (doubt === 'untried') return { may: 'not yet', because: DOUBTS.untried(cost) };
  const { ms, bytes: sent, runs, asked } = cost;
  const learned = { ms, bytes: sent, shortRuns: runs, shortRunsAsked: asked };
  if (doubt === undefined)
    return { may: 'yes', because: `it is known to be short: ${averages(cost)}`, learned };
  return { may: doubt === 'spoiled' ? 'no' : 'not yet', because: DOUBTS[doubt](cost), learned };
}

const DOUBTS: Readonly<Record<Doubt, (cost: Cost) => string>> = {
  untried: () => `no run of it is known yet; it may share once it is known to be short, ${LIMITS}`,
  long: (cost) => `it is too long: ${averages(cost)}; asked for is ${LIMITS}`,
  large: (cost) => `its answers are too large: ${averages(cost)}; asked for is ${LIMITS}`,
  unproven: ({ runs, asked }) =>
    `it has been short ${runs} times in a row by itself, and ${asked} are asked for`,
  spoiled: () =>
    'state was left behind by it, or had to be asked for behind it again and again, when it had company',
};

const averages = ({ ms, work, bytes }: Cost): string =>
  `${ms.toPrecision(2)} ms (${work.toPrecision(2)} ms of work) and ${Math.round(bytes)} B on average`;

const no = (because: string): Verdict => ({ may: 'no', because });
