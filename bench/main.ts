import { cost } from './cost.ts';
import { idle } from './idle.ts';
import { matrix } from './matrix.ts';
import { mysqlCost } from './mysql-cost.ts';
import { HELP, type Options, readOptions } from './options.ts';
import type { Say } from './say.ts';

/** `npm run bench`: this proxy beside its peers, in one run. Exits with 1 if a bar was missed. */
const BENCHMARKS = {
  cost: (given: Options, signal: AbortSignal, say: Say) =>
    given.engine === 'postgres' ? cost(given, signal, say) : mysqlCost(given, signal, say),
  idle,
  matrix,
};

function optionsOrExit(): Options {
  try {
    const options = readOptions(process.argv.slice(2));
    if (options !== undefined) return options;
    process.stdout.write(HELP);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
    process.exit(2);
  }
}

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
