import { parseArgs } from 'node:util';
import { startProxy } from '../app.ts';
import { loadConfig } from '../config/config.ts';

const HELP = `pointsman run -c FILE

Starts the proxy that FILE describes and runs until SIGINT or SIGTERM.
config/example.yaml shows every setting.
`;

/** How long an orderly end may take before the process ends anyway, in ms. */
const END_WITHIN = 10_000;

/** `pointsman run`: the proxy before the user's own servers. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { config: { type: 'string', short: 'c' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  if (values.config === undefined) {
    process.stderr.write(`pointsman run: name a configuration with -c FILE\n\n${HELP}`);
    return 2;
  }
  const proxy = await startProxy(await loadConfig(values.config));
  await ended();
  setTimeout(() => process.exit(1), END_WITHIN).unref();
  await proxy.close();
  return 0;
}

/** Resolves at the first signal that asks for an end. */
function ended(): Promise<void> {
  return new Promise((resolve) => {
    process.on('SIGINT', () => resolve());
    process.on('SIGTERM', () => resolve());
  });
}
