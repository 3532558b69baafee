import { catalogueOf } from '../../../src/mysql/catalogue.ts';
import { classifyText, type TextFacts } from '../../../src/mysql/classify.ts';
import type { MysqlIntent } from '../../../src/mysql/wants.ts';

/** What the servers of these tests have: tables t, u, `select`, a view, a sequence, two stored functions. */
const catalogue = catalogueOf({
  tables: [
    ...['t', 'u', 'orders', 'select', 'order', 'T2'].map((name) => ({ schema: 'app', name, plain: true })),
    { schema: 'other', name: 'o', plain: true },
    { schema: 'app', name: 'v', plain: false },
    { schema: 'app', name: 's', plain: false },
  ],
  functions: ['stored', 'count_all', 'lateral'],
  routinesLock: false,
  firing: [],
  settled: ['p'],
  caseCounts: true,
  version: '9.7.0',
});

const NONE = { allow: new Set<string>(), deny: new Set<string>() };
export const MYSQL = '9.7.0';
export const MARIADB = '10.11.6-MariaDB';

const USUAL: TextFacts = {
  sqlMode: 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES',
  charset: 'utf8mb4',
  schema: 'app',
  catalogue,
  lists: NONE,
  version: MYSQL,
};

/** What a text wants in a usual session; a string's characters are bytes when `facts` says it is not in UTF-8. */
export function classified(text: string | Buffer, facts: Partial<TextFacts> = {}): MysqlIntent {
  return classifyText(typeof text === 'string' ? Buffer.from(text) : text, { ...USUAL, ...facts });
}

/** Kind and rule; of a read under both engines what both say. */
export function verdict(text: string | Buffer, facts: Partial<TextFacts> = {}): string {
  const { kind, because } = classified(text, facts);
  return `${kind} ${because}`;
}
