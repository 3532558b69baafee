import { version } from '../version.ts';

/** A command gives its exit code: 0 done, 1 failed, 2 called wrongly. */
export type Command = (args: string[]) => Promise<number>;

export const usage = `pointsman: a replication-aware connection proxy

  pointsman run -c FILE            start the proxy with a configuration
  pointsman demo                   a replicated cluster and the proxy before it, to try things on
  pointsman check -c FILE          reach every node and say what is missing or unwise
  pointsman explain [-c FILE] SQL  where a statement would go, and by which rule
  pointsman schema                 the JSON Schema of the configuration, for editors
  pointsman version | help

Each command takes --help.
`;

const print = (text: string): Promise<number> => {
  process.stdout.write(text);
  return Promise.resolve(0);
};

/** Loaded when called, so that each command starts as fast as it can. */
export const commands: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['run', async (args) => (await import('./run.ts')).run(args)],
  ['demo', async (args) => (await import('./demo.ts')).demo(args)],
  ['check', async (args) => (await import('./check.ts')).check(args)],
  ['explain', async (args) => (await import('./explain.ts')).explain(args)],
  ['schema', async (args) => (await import('./schema.ts')).schema(args)],
  ['version', () => print(`pointsman ${version}\n`)],
  ['help', () => print(usage)],
  ['--help', () => print(usage)],
  ['--version', () => print(`pointsman ${version}\n`)],
]);
