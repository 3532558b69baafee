import { commands, usage } from './commands/commands.ts';
import { ProxyError } from './core/errors.ts';

const [name = 'help', ...args] = process.argv.slice(2);
const command = commands.get(name);
if (command === undefined) {
  process.stderr.write(`pointsman: there is no command ${JSON.stringify(name)}\n\n${usage}`);
  process.exit(2);
}
try {
  process.exit(await command(args));
} catch (error) {
  // A ProxyError says what to do; anything else is a defect, and its stack helps to mend it.
  process.stderr.write(
    `pointsman ${name}: ${error instanceof ProxyError ? error.message : String((error as Error)?.stack ?? error)}\n`,
  );
  process.exit(1);
}
