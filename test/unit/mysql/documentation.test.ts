import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { explainText } from '../../../src/mysql/explain.ts';
import { MYSQL_RULES } from '../../../src/mysql/rules.ts';
import { UNIT_RULES } from '../../../src/mysql/unit-rules.ts';
import { ROUTE_RULES } from '../../../src/routing/rules.ts';

const NO_LISTS = { allow: new Set<string>(), deny: new Set<string>() };

async function ownPart(): Promise<string> {
  const page = await readFile(new URL('../../../docs/routing.md', import.meta.url), 'utf8');
  return page.slice(page.indexOf('\n## MySQL and MariaDB'));
}

test('every rule stands in docs/routing.md with what it says, and its example is decided by it', async () => {
  const rows = [...(await ownPart()).matchAll(/^\| (\w\d\d) \| (.+) \| `(.+?)`(.*) \|$/gm)];
  assert.deepEqual(
    rows.map(([, rule, says]) => [rule, says]),
    Object.entries(MYSQL_RULES),
  );
  for (const [, rule, , example = '', condition] of rows) {
    if (condition === '') assert.equal(explainText(example, 'shop', undefined, NO_LISTS).rule, rule, example);
  }
});

test('every rule of commands stands in docs/routing.md with what it says', async () => {
  const rows = [...(await ownPart()).matchAll(/^\| (\w\d\d) \| ([^|]+) \|$/gm)];
  assert.deepEqual(
    rows.map(([, rule, says]) => [rule, says]),
    Object.entries(UNIT_RULES),
  );
});

test('no rule of commands has the id of a rule of texts or of the router', () => {
  for (const id of Object.keys(UNIT_RULES)) assert.ok(!(id in MYSQL_RULES) && !(id in ROUTE_RULES), id);
});
