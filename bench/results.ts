import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { EngineName } from '../src/demo/cluster.ts';
import { BARS, type Judged, judge, type TrialId } from './bars.ts';
import type { Score } from './contest.ts';
import { FLOOR } from './floor/floor.ts';
import { beside, type Readings } from './readings.ts';
import type { StageTimes } from './report/flame.ts';

/** One measurement as it was taken, whole. */
export interface Measured {
  readonly title: string;
  readonly engine: EngineName;
  /** The day, `2026-01-31`. */
  readonly day: string;
  readonly rounds: number;
  /** Of one run. */
  readonly seconds: number;
  readonly readings: Readings;
  readonly scores: readonly Score[];
  /** In Markdown: what has no place in the scores. */
  readonly tables: readonly string[];
  /** What a reader must know of it. */
  readonly notes: readonly string[];
  /** Of a trial with a missed bar: where Pointsman's time went under the same load, in the same run. */
  readonly profile?: StageTimes;
}

/** One load of the survey, and where it belongs in the page. */
export interface Surveyed extends Measured {
  readonly group: string;
  readonly clients: number;
}

/** All that the page is made of. It is kept, so that a later run may renew a part of it. */
export interface Results {
  readonly machine: string;
  /** Name to number. */
  readonly versions: Readonly<Record<string, string>>;
  readonly trials: Readonly<Partial<Record<TrialId, Measured>>>;
  readonly survey: Readonly<Record<string, Surveyed>>;
}

export const NOTHING: Results = { machine: '', versions: {}, trials: {}, survey: {} };

/** What was kept in `file`; nothing if there is none. Rejects if it cannot be read as such. */
export async function readResults(file: string): Promise<Results> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return NOTHING;
  }
  return parseResults(text);
}

/** JSON has no NaN: what was not measured is null in it. */
export function parseResults(text: string): Results {
  return JSON.parse(text, (key, value: unknown) =>
    Array.isArray(value) && key !== 'notes' && key !== 'tables'
      ? value.map((one: unknown) => one ?? Number.NaN)
      : value,
  ) as Results;
}

export function resultsText(results: Results): string {
  const text = JSON.stringify(
    results,
    (_, value: unknown) => (typeof value === 'number' ? rounded(value) : value),
    1,
  );
  // The rounds of one measure stand in one line.
  return `${text.replaceAll(/\[[\d\s.,+\-enul]*\]/g, (list) => list.replaceAll(/\s+/g, ' '))}\n`;
}

/** Five digits are more than any of it is good for. */
const rounded = (value: number): number =>
  Number.isFinite(value) ? Number(value.toPrecision(5)) : Number.NaN;

export async function writeResults(file: string, results: Results): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, resultsText(results));
}

/** The newer results where there are some, else the older. */
export function merged(old: Results, fresh: Results): Results {
  return {
    machine: fresh.machine === '' ? old.machine : fresh.machine,
    versions: { ...old.versions, ...fresh.versions },
    trials: { ...old.trials, ...fresh.trials },
    survey: { ...old.survey, ...fresh.survey },
  };
}

/** All bars held against what was measured, with what the floor reached where it took part. */
export function judgeAll({ trials }: Pick<Results, 'trials'>): Judged[] {
  return BARS.map((bar) => {
    const { readings, scores = [] } = trials[bar.trial] ?? {};
    return judge(bar, readings, beside(scores, FLOOR));
  });
}
