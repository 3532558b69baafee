import { parseArgs } from 'node:util';

export const HELP = `npm run bench                  1, 4, 16 and 64 clients; simple, extended, prepared; TPC-B-like
npm run bench -- cost          processor time per query at 16 clients, beside PgBouncer or MySQL Router
npm run bench -- idle          resident memory per idle client, beside a bare Node socket

  --engine NAME    of cost: postgres (default), mysql or mariadb
  --rounds N       how often everything is measured in turn (default 2; cost 5, idle 3)
  --seconds N      length of one measurement (default 2; cost 5)
  --clients N,M    clients at one time (default 1,4,16,64; cost 16; idle 5000)
  --scale N        pgbench scale: 100,000 rows each (default 10)
  --node-ports N   first of three ports of the servers (default: the first free ones from 15490 on)
  --port N         first of the ports of the proxies (default: the first free ones from 16490 on)

PgBouncer and MySQL Router: in the folder POINTSMAN_UNSTABLE (a Debian root, entered with chroot), else on the PATH.
`;

export interface Options {
  readonly command: 'matrix' | 'cost' | 'idle';
  readonly engine: 'postgres' | 'mysql' | 'mariadb';
  readonly rounds: number;
  readonly seconds: number;
  readonly clients: readonly number[];
  readonly scale: number;
  readonly nodePort: number;
  readonly port: number;
}

const DEFAULTS: Readonly<Record<Options['command'], { rounds: number; seconds: number; clients: string }>> = {
  matrix: { rounds: 2, seconds: 2, clients: '1,4,16,64' },
  cost: { rounds: 5, seconds: 5, clients: '16' },
  idle: { rounds: 3, seconds: 0, clients: '5000' },
};

/** What a command line asks for; undefined: for help. Throws a RangeError or TypeError that says what is wrong. */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      engine: { type: 'string', default: 'postgres' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      clients: { type: 'string' },
      scale: { type: 'string', default: '10' },
      'node-ports': { type: 'string', default: '15490' },
      port: { type: 'string', default: '16490' },
    },
  });
  if (values.help === true) return undefined;
  const command = commandOf(positionals);
  const { rounds, seconds, clients } = DEFAULTS[command];
  return {
    command,
    engine: engineOf(values.engine, command),
    rounds: wholeNumber('--rounds', values.rounds ?? String(rounds), 1, 1_000),
    seconds: wholeNumber('--seconds', values.seconds ?? String(seconds), 0, 3_600),
    clients: (values.clients ?? clients).split(',').map((one) => wholeNumber('--clients', one, 1, 20_000)),
    scale: wholeNumber('--scale', values.scale, 1, 1_000),
    nodePort: wholeNumber('--node-ports', values['node-ports'], 1, 65_000),
    port: wholeNumber('--port', values.port, 1, 65_000),
  };
}

function commandOf(words: readonly string[]): Options['command'] {
  const [word, extra] = words;
  if (extra !== undefined) throw new RangeError(`one command at a time, not also ${extra}`);
  if (word === undefined) return 'matrix';
  if (word === 'cost' || word === 'idle') return word;
  throw new RangeError(`there is no benchmark ${word}; there are cost and idle`);
}

function engineOf(name: string, command: Options['command']): Options['engine'] {
  if (name === 'postgres') return name;
  if (name !== 'mysql' && name !== 'mariadb') throw new RangeError(`there is no engine ${name}`);
  if (command !== 'cost') throw new RangeError(`${command} measures postgres only`);
  return name;
}

function wholeNumber(option: string, given: string, from: number, to: number): number {
  const value = Number(given);
  if (/^\d+$/.test(given) && value >= from && value <= to) return value;
  throw new RangeError(`${option} takes whole numbers from ${from} to ${to}, not ${given}`);
}
