import { parseArgs } from 'node:util';
import type { EngineName } from '../src/demo/cluster.ts';
import { TRIALS, type TrialId } from './bars.ts';

export const HELP = `npm run bench                  everything, an hour and more: the two that follow; writes docs/performance.md
npm run bench -- --quick       a short look at everything, within three minutes; writes nothing
npm run bench -- bars          the acceptance table, and where the time goes in what misses; exits with 1 if a bar is missed
npm run bench -- survey        everybody at all loads
npm run bench -- cost          one load beside PgBouncer or MySQL Router, held against its bars
npm run bench -- profile       a flame graph of the proxy under one load, and its time per stage
npm run bench -- report        writes docs/performance.md again from what was measured last

  --engine NAME    of cost and profile: postgres (default), mysql or mariadb; of survey: that one alone
  --only A,B       of bars: these trials alone (${TRIALS.join(', ')})
  --rounds N       how often everything is measured in turn (default 5; survey 3)
  --seconds N      length of one measurement (default 4; survey 3; cost and profile 5)
  --clients N,M    clients at one time (default of survey 1,4,16,64,200,1000; cost 16; profile 64)
  --protocol NAME  of profile: simple (default), extended or prepared
  --trial NAME     of profile: the load of that trial, instead of --engine, --clients and --protocol
  --scale N        pgbench scale: 100,000 rows each (default 10)
  --docs FOLDER    where the page is written (default docs); not with less than three rounds
  --node-ports N   first of three ports of the servers (default: the first free ones from 15490 on)
  --port N         first of the ports of the proxies (default: the first free ones from 16490 on)

Ended early (Ctrl-C) it keeps what was measured to its end by then.

Peers are looked for in the Debian root of POINTSMAN_UNSTABLE (default ~/.cache/pointsman/unstable; entered with
chroot, as root), else on the PATH. \`npm run tools -- peers\` installs in that root what Debian has of them.
`;

const COMMANDS = ['all', 'bars', 'survey', 'cost', 'profile', 'report'] as const;
export type Command = (typeof COMMANDS)[number];

const PROTOCOLS = ['simple', 'extended', 'prepared'] as const;

export interface Options {
  readonly command: Command;
  readonly engine: EngineName;
  /** Whether the engine was named. */
  readonly engineAsked: boolean;
  readonly quick: boolean;
  readonly only: readonly TrialId[];
  readonly rounds: number;
  readonly seconds: number;
  readonly clients: readonly number[];
  readonly protocol: (typeof PROTOCOLS)[number];
  /** Whose load is profiled; undefined: the one that the other options describe. */
  readonly trial: TrialId | undefined;
  readonly scale: number;
  readonly docs: string;
  readonly nodePort: number;
  readonly port: number;
}

interface Defaults {
  readonly rounds: number;
  readonly seconds: number;
  readonly clients: string;
}

/** Of `all`, which is both, each part takes its own. */
const DEFAULTS: Readonly<Record<Exclude<Command, 'all'>, Defaults>> = {
  bars: { rounds: 5, seconds: 4, clients: '64' },
  survey: { rounds: 3, seconds: 3, clients: '1,4,16,64,200,1000' },
  cost: { rounds: 5, seconds: 5, clients: '16' },
  profile: { rounds: 1, seconds: 5, clients: '64' },
  report: { rounds: 1, seconds: 1, clients: '1' },
};
const QUICK: Defaults = { rounds: 1, seconds: 1, clients: '16' };

/**
 * What a command line asks for, with the defaults of `part` if the command is `all`; undefined: for help. Throws
 * a RangeError or TypeError that says what is wrong.
 */
export function readOptions(
  args: readonly string[],
  part: Exclude<Command, 'all'> = 'bars',
): Options | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      quick: { type: 'boolean', default: false },
      engine: { type: 'string' },
      only: { type: 'string', default: '' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      clients: { type: 'string' },
      protocol: { type: 'string', default: 'simple' },
      trial: { type: 'string' },
      scale: { type: 'string', default: '10' },
      docs: { type: 'string', default: 'docs' },
      'node-ports': { type: 'string', default: '15490' },
      port: { type: 'string', default: '16490' },
    },
  });
  if (values.help === true) return undefined;
  const command = commandOf(positionals);
  const { quick } = values;
  const { rounds, seconds, clients } = quick ? QUICK : DEFAULTS[command === 'all' ? part : command];
  return {
    command,
    quick,
    engine: oneOf('--engine', values.engine ?? 'postgres', ['postgres', 'mysql', 'mariadb']),
    engineAsked: values.engine !== undefined,
    only: values.only === '' ? [] : values.only.split(',').map((word) => oneOf('--only', word, TRIALS)),
    rounds: wholeNumber('--rounds', values.rounds ?? String(rounds), 1, 1_000),
    seconds: wholeNumber('--seconds', values.seconds ?? String(seconds), 0, 3_600),
    clients: (values.clients ?? clients).split(',').map((one) => wholeNumber('--clients', one, 1, 20_000)),
    protocol: oneOf('--protocol', values.protocol, PROTOCOLS),
    trial: values.trial === undefined ? undefined : oneOf('--trial', values.trial, TRIALS),
    scale: wholeNumber('--scale', values.scale, 1, 1_000),
    docs: values.docs,
    nodePort: wholeNumber('--node-ports', values['node-ports'], 1, 65_000),
    port: wholeNumber('--port', values.port, 1, 65_000),
  };
}

function commandOf([word, extra]: readonly string[]): Command {
  if (extra !== undefined) throw new RangeError(`one command at a time, not also ${extra}`);
  const found = COMMANDS.find((command) => command === (word ?? 'all'));
  if (found !== undefined) return found;
  throw new RangeError(`there is no benchmark ${word}; there are ${COMMANDS.slice(1).join(', ')}`);
}

function oneOf<Word extends string>(option: string, given: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === given);
  if (found !== undefined) return found;
  throw new RangeError(`${option} takes ${words.join(', ')}, not ${given}`);
}

function wholeNumber(option: string, given: string, from: number, to: number): number {
  const value = Number(given);
  if (/^\d+$/.test(given) && value >= from && value <= to) return value;
  throw new RangeError(`${option} takes whole numbers from ${from} to ${to}, not ${given}`);
}
