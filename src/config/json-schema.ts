import { z } from 'zod';
import { schema } from './schema.ts';

const REFERENCE = { type: 'string', pattern: '^\\$\\{(env|file):[^}]+\\}$' } as const;
const SCALARS = new Set(['integer', 'number', 'boolean']);

/** The JSON Schema that editors check a configuration with, as the text of config/pointsman.schema.json. */
export function jsonSchema(): string {
  const made = z.toJSONSchema(schema, {
    io: 'input',
    override: ({ jsonSchema: json }) => {
      if (json.const !== undefined || (!SCALARS.has(String(json.type)) && json.enum === undefined)) return;
      // A reference may stand for a number, a truth value or a word.
      const { description, default: given, ...type } = json;
      for (const key of Object.keys(json)) delete json[key];
      if (description !== undefined) json.description = description;
      if (given !== undefined) json.default = given;
      json.anyOf = [type, { ...REFERENCE }];
    },
  });
  return `${JSON.stringify({ title: 'Pointsman configuration', ...made }, null, 2)}\n`;
}
