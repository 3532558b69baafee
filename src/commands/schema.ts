import { jsonSchema } from '../config/json-schema.ts';

const USAGE = `pointsman schema: prints the JSON Schema of the configuration file, for editors.

  pointsman schema > config/pointsman.schema.json
`;

/** Prints the JSON Schema; `--help` says what it is. Gives the exit code. */
export async function schema(args: readonly string[]): Promise<number> {
  const [first] = args;
  if (first === undefined) {
    process.stdout.write(jsonSchema());
    return 0;
  }
  const asked = first === '--help' || first === '-h';
  const output = asked ? process.stdout : process.stderr;
  output.write(asked ? USAGE : `pointsman schema takes no ${first}\n\n${USAGE}`);
  return asked ? 0 : 2;
}
