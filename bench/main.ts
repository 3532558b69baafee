import { join } from 'node:path';
import { TRIALS, type TrialId } from './bars.ts';
import { type Rounds, WARM_UP } from './contest.ts';
import { cost } from './cost.ts';
import { Measuring, type Plan } from './measuring.ts';
import { type Command, HELP, type Options, readOptions } from './options.ts';
import { profile } from './profile.ts';
import { writePage } from './report/page.ts';
import { barTable } from './report/tables.ts';
import { judgeAll, merged, type Results, readResults } from './results.ts';
import type { Say } from './say.ts';
import { mysqlLoads, postgresLoads, quickLoads, type SurveyLoad } from './survey.ts';

/** `npm run bench`: this proxy beside its peers, in one run. Exits with 1 if a bar was missed. */

/** A page of fewer rounds would say more than was measured. */
const LEAST_ROUNDS = 3;

/** Warm-up in a survey, where the same contestants meet in load after load, in seconds. */
const AGAIN_WARM = 1;

const args = process.argv.slice(2);

function optionsOrExit(): Options {
  try {
    const options = readOptions(args);
    if (options !== undefined) return options;
    process.stdout.write(HELP);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
    process.exit(2);
  }
}

/** What is measured by `all`, `bars` and `survey`. */
function planOf(options: Options): Plan {
  const { command, only, quick } = options;
  const rounds = (part: 'bars' | 'survey'): Rounds => {
    const { rounds: count, seconds } = readOptions(args, part) ?? options;
    return { rounds: count, seconds, warmUp: quick ? 0 : part === 'bars' ? WARM_UP : AGAIN_WARM };
  };
  const trials: readonly TrialId[] = command === 'survey' ? [] : only.length > 0 ? only : TRIALS;
  const loads = command === 'bars' || only.length > 0 ? [] : loadsOf(options);
  return { trials, trialRounds: rounds('bars'), loads, loadRounds: rounds('survey') };
}

function loadsOf({ quick, engine, engineAsked }: Options): SurveyLoad[] {
  if (quick) return quickLoads();
  const { clients = [] } = readOptions(args, 'survey') ?? {};
  const all = [...postgresLoads(clients), ...mysqlLoads('mysql'), ...mysqlLoads('mariadb')];
  return all.filter((load) => !engineAsked || load.engine === engine);
}

async function measure(options: Options, signal: AbortSignal, say: Say): Promise<number> {
  const plan = planOf(options);
  const fresh = await new Measuring(options, plan, signal, say).run();
  await keep(options, plan, fresh, say);
  signal.throwIfAborted();
  const judged = judgeAll(fresh).filter(({ trial }) => plan.trials.includes(trial));
  if (judged.length > 0) say(`\n# The acceptance table\n\n${barTable(judged)}`);
  // In a hurry not everything is measured; what was not is no failure then.
  return judged.every(({ met }) => met === true || (met === undefined && options.quick)) ? 0 : 1;
}

async function keep(options: Options, plan: Plan, fresh: Results, say: Say): Promise<void> {
  if (Object.keys({ ...fresh.trials, ...fresh.survey }).length === 0) return;
  const rounds = Math.min(
    plan.trialRounds.rounds,
    plan.loads.length > 0 ? plan.loadRounds.rounds : LEAST_ROUNDS,
  );
  if (options.quick || rounds < LEAST_ROUNDS)
    return say(`\n${options.docs}/performance.md stays as it is: it takes ${LEAST_ROUNDS} rounds or more`);
  const old = await readResults(resultsFile(options));
  await writePage(options.docs, merged(old, fresh));
  say(`\nwritten: ${options.docs}/performance.md`);
}

const resultsFile = ({ docs }: Options): string => join(docs, 'performance', 'results.json');

async function report(options: Options, _signal: AbortSignal, say: Say): Promise<number> {
  await writePage(options.docs, await readResults(resultsFile(options)));
  say(`written: ${options.docs}/performance.md`);
  return 0;
}

type Benchmark = (options: Options, signal: AbortSignal, say: Say) => Promise<number>;

const BENCHMARKS: Readonly<Record<Command, Benchmark>> = {
  ...{ all: measure, bars: measure, survey: measure },
  ...{ cost, profile, report },
};

const options = optionsOrExit();
const ending = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => ending.abort(new Error(`ended by ${signal}`)));
// The launcher has died.
process.on('disconnect', () => ending.abort(new Error('ended with the launcher')));

try {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  process.exitCode = await BENCHMARKS[options.command](options, ending.signal, say);
} catch (error) {
  const reason: unknown = ending.signal.aborted ? ending.signal.reason : error;
  process.stderr.write(`${reason instanceof Error ? reason.message : reason}\n`);
  process.exitCode = 1;
}
if (process.connected) process.disconnect();
