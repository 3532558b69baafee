import type { Catalogue } from '../../../src/core/catalogue.ts';
import type { Intent } from '../../../src/core/intent.ts';
import { type CatalogueRow, catalogueOf } from '../../../src/postgres/catalogue.ts';
import { classifyText, type TextFacts } from '../../../src/postgres/classify.ts';

const rows = (kind: string, names: string): CatalogueRow[] =>
  names.split(' ').map((name) => ({ kind, name }));

/** A database with tables, and with one of everything that is not to be trusted. */
const catalogue: Catalogue = catalogueOf([
  ...rows('table', 't u v2 a b c orders Orders pgbench_accounts checked audited'),
  ...rows('other', 'view unlogged_t foreign_t seq'),
  ...rows('quiet', 't u a b c orders pgbench_accounts'),
  ...rows('function', 'similarity'),
  ...rows('effect', 'vol abs2 upper sneaky'),
  ...rows('attribute', 'vol'),
  ...rows('operator', '#<#'),
  ...rows('domain', 'positive'),
  ...rows('type', 'mood'),
]);

const facts: TextFacts = {
  standardConformingStrings: true,
  encoding: 'UTF8',
  catalogue,
  lists: { allow: new Set(), deny: new Set() },
};

export const classified = (sql: string, other: Partial<TextFacts> = {}): Intent =>
  classifyText(Buffer.from(sql), { ...facts, ...other });

/** Kind and rule, as `read R01`. */
export function verdict(sql: string, other: Partial<TextFacts> = {}): string {
  const { kind, because } = classified(sql, other);
  return `${kind} ${because}`;
}
