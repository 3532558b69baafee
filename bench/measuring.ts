import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineName } from '../src/demo/cluster.ts';
import { version } from '../src/version.ts';
import { type Arena, openArena } from './arena.ts';
import type { TrialId } from './bars.ts';
import { inShort, type Rounds, WARM_UP } from './contest.ts';
import { busyLine, machineLine, nodeLine } from './machine.ts';
import type { Options } from './options.ts';
import { version as pgbenchVersion } from './pgbench.ts';
import { profileLoad } from './profiling.ts';
import { stageTable } from './report/flame.ts';
import { barTable, failureLines, scoreTable } from './report/tables.ts';
import { judgeAll, type Measured, type Results, type Surveyed } from './results.ts';
import { BOUNCER_POOLS, Ring } from './ring.ts';
import type { Say } from './say.ts';
import { type SurveyLoad, surveyLoad } from './survey.ts';
import { sysbenchVersion } from './sysbench.ts';
import { TRIAL_RUNS } from './trials.ts';

/** What is to be measured. */
export interface Plan {
  readonly trials: readonly TrialId[];
  readonly trialRounds: Rounds;
  readonly loads: readonly SurveyLoad[];
  readonly loadRounds: Rounds;
}

/** When nothing more is begun in a hurry, and when all ends, in ms. */
const BEGIN_WITHIN = 130_000;
const END_WITHIN = 160_000;
/** Length of a profile. */
const PROFILE_SECONDS = 5;
/** In a hurry PgBouncer is measured with this pool alone. */
const QUICK_POOLS = [8];

const ENGINES: readonly EngineName[] = ['postgres', 'mysql', 'mariadb'];
/** What takes longest comes last. */
const HURRIED: readonly EngineName[] = ['mysql', 'mariadb', 'postgres'];
const LAST: readonly TrialId[] = ['large', 'idle'];

/** Measures a plan, an engine after the other, and prints as it goes. */
export class Measuring {
  readonly #options: Options;
  readonly #plan: Plan;
  readonly #say: Say;
  readonly #signal: AbortSignal;
  readonly #began = performance.now();
  readonly #versions: Record<string, string> = { Pointsman: version, 'Node.js': process.versions.node };
  readonly #trials: Partial<Record<TrialId, Measured>> = {};
  /** Engines whose proxies have carried something. */
  readonly #warm = new Set<EngineName>();
  readonly #survey: Record<string, Surveyed> = {};

  constructor(options: Options, plan: Plan, signal: AbortSignal, say: Say) {
    this.#options = options;
    this.#plan = plan;
    this.#say = say;
    this.#signal = options.quick ? AbortSignal.any([signal, AbortSignal.timeout(END_WITHIN)]) : signal;
  }

  /** What was measured: all, or as much as there was time for in a hurry, or until `signal` ended it. */
  async run(): Promise<Results> {
    this.#say(machineLine());
    this.#say(`Pointsman ${version}, ${nodeLine()}`);
    const busy = busyLine();
    if (busy !== undefined) this.#say(busy);
    for (const engine of this.#options.quick ? HURRIED : ENGINES) {
      try {
        await this.#engine(engine);
      } catch (error) {
        if (this.#signal.aborted && !isTimeout(this.#signal.reason)) break;
        this.#say(`\n${engine} was not measured to the end: ${inShort(error)}`);
      }
    }
    return {
      machine:
        busy === undefined ? machineLine() : `${machineLine()}; other programs worked on it at the same time`,
      versions: this.#versions,
      trials: this.#trials,
      survey: this.#survey,
    };
  }

  async #engine(engine: EngineName): Promise<void> {
    const { quick } = this.#options;
    const isLast = (id: TrialId): number => (quick ? LAST.indexOf(id) : 0);
    const trials = this.#plan.trials
      .filter((id) => TRIAL_RUNS[id].engine === engine)
      .sort((a, b) => isLast(a) - isLast(b));
    const loads = this.#plan.loads.filter((load) => load.engine === engine);
    if (trials.length + loads.length === 0 || this.#isLate(engine)) return;
    await using arena = await openArena({ ...this.#options, engine }, this.#signal);
    await using ring = new Ring(arena, quick ? QUICK_POOLS : BOUNCER_POOLS);
    await this.#introduce(arena, ring);
    if (quick) this.#say(`- in a hurry PgBouncer has a pool of ${QUICK_POOLS.join()} only`);
    // In a hurry a look at everybody comes first: it warms all up.
    const parts = [
      ...loads.map((load) => ({ title: load.title, run: () => this.#load(ring, load) })),
      ...trials.map((id) => ({ title: TRIAL_RUNS[id].title, run: () => this.#trial(ring, id) })),
    ];
    const turns = quick ? parts : [...parts.slice(loads.length), ...parts.slice(0, loads.length)];
    for (const { title, run } of turns) if (!this.#isLate(title)) await run();
    if (!quick) for (const id of trials) await this.#profile(arena, id);
  }

  async #introduce(arena: Arena, ring: Ring): Promise<void> {
    const tool = arena.engine === 'postgres' ? await pgbenchVersion() : await sysbenchVersion();
    const [server = '', number = ''] = arena.server.split(' ');
    this.#versions[server] = number;
    this.#versions[arena.engine === 'postgres' ? 'pgbench' : 'sysbench'] = /[\d.]+/.exec(tool)?.[0] ?? tool;
    Object.assign(this.#versions, ring.versions());
    this.#say(`\n# ${arena.server}; ${tool}, one thread for pgbench\n`);
    for (const line of ring.lines()) this.#say(`- ${line}`);
  }

  async #trial(ring: Ring, id: TrialId): Promise<void> {
    const { title, engine, run } = TRIAL_RUNS[id];
    const rounds = this.#warmed(engine, this.#plan.trialRounds);
    this.#head(`${id}: ${title}`, rounds);
    try {
      const outcome = await run(ring, { ...rounds, quick: this.#options.quick });
      this.#signal.throwIfAborted();
      this.#trials[id] = { title, engine, day: today(), ...lasted(rounds), ...outcome };
      if (outcome.scores.length > 0) this.#say(scoreTable(outcome.scores));
      for (const one of outcome.tables) this.#say(`${one}\n`);
      for (const line of [...outcome.notes, ...failureLines(outcome.scores)]) this.#say(`- ${line}`);
      const judged = judgeAll({ trials: this.#trials }).filter(({ trial }) => trial === id);
      this.#say(`\n${barTable(judged)}`);
    } catch (error) {
      this.#signal.throwIfAborted();
      this.#say(`not measured: ${inShort(error)}`);
    }
  }

  /** Where the time goes in a trial that missed a bar. */
  async #profile(arena: Arena, id: TrialId): Promise<void> {
    const { title, profiled } = TRIAL_RUNS[id];
    const measured = this.#trials[id];
    const judged = judgeAll({ trials: this.#trials }).filter(({ trial }) => trial === id);
    if (profiled === undefined || measured === undefined || !judged.some(({ met }) => met === false)) return;
    this.#say(`\n## ${id} missed a bar; where the time goes: ${title}\n`);
    const folder = await mkdtemp(join(arena.folder, 'profile-'));
    try {
      const { stages } = await profileLoad(arena, profiled, { seconds: PROFILE_SECONDS, folder });
      this.#trials[id] = { ...measured, profile: stages };
      this.#say(stageTable(stages));
    } catch (error) {
      this.#signal.throwIfAborted();
      this.#say(`not profiled: ${inShort(error)}`);
    }
  }

  async #load(ring: Ring, load: SurveyLoad): Promise<void> {
    const rounds = this.#warmed(load.engine, this.#plan.loadRounds);
    const { id, title, engine, group, clients } = load;
    this.#head(`${title}${load.pinned === true ? ', pinned apart' : ''}`, rounds);
    const scores = await surveyLoad(ring, load, rounds);
    this.#signal.throwIfAborted();
    if (typeof scores === 'string') return this.#say(`not measured: ${scores}`);
    this.#say(scoreTable(scores));
    const notes = failureLines(scores);
    for (const line of notes) this.#say(`- ${line}`);
    const when = { day: today(), ...lasted(rounds) };
    this.#survey[id] = { title, engine, group, clients, ...when, readings: {}, scores, tables: [], notes };
  }

  /** The first load warms the proxies up longest; in a hurry it alone does, and shortly. */
  #warmed(engine: EngineName, rounds: Rounds): Rounds {
    if (this.#warm.has(engine)) return rounds;
    this.#warm.add(engine);
    return { ...rounds, warmUp: this.#options.quick ? 1 : WARM_UP };
  }

  #head(title: string, { rounds, seconds }: Rounds): void {
    this.#say(`\n## ${title}; ${rounds === 1 ? 'one round' : `${rounds} rounds in turn`} of ${seconds} s\n`);
  }

  #isLate(what: string): boolean {
    this.#signal.throwIfAborted();
    const late = this.#options.quick && performance.now() - this.#began > BEGIN_WITHIN;
    if (late) this.#say(`left out for lack of time: ${what}`);
    return late;
  }
}

const isTimeout = (reason: unknown): boolean =>
  reason instanceof DOMException && reason.name === 'TimeoutError';

const today = (): string => new Date().toISOString().slice(0, 10);

const lasted = ({ rounds, seconds }: Rounds): Pick<Measured, 'rounds' | 'seconds'> => ({ rounds, seconds });
