import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import type { Catalogue } from '../../../src/core/catalogue.ts';
import { type CatalogueRow, catalogueOf, viewOf } from '../../../src/postgres/catalogue.ts';
import { explainText } from '../../../src/postgres/explain.ts';
import { RULES } from '../../../src/postgres/rules.ts';
import { UNIT_RULES } from '../../../src/postgres/unit-rules.ts';
import { ROUTE_RULES } from '../../../src/routing/rules.ts';
import { verdict } from './classified.ts';

const of = (...rows: [kind: string, name: string][]): Catalogue =>
  catalogueOf(rows.map(([kind, name]): CatalogueRow => ({ kind, name })));

describe('the catalogue', () => {
  test('an empty database knows builtin functions and nothing else', () => {
    const catalogue = of();
    assert.equal(verdict('SELECT lower($1) || 1', { catalogue }), 'read R01');
    assert.equal(verdict('SELECT * FROM t', { catalogue }), 'write W08');
  });

  test('a function of the users takes the trust from a builtin one of its name', () => {
    const catalogue = of(['effect', 'lower'], ['table', 't']);
    assert.equal(verdict('SELECT lower($1) FROM t', { catalogue }), 'write W10');
    assert.equal(verdict('SELECT pg_catalog.lower($1) FROM t', { catalogue }), 'read R01');
    assert.equal(verdict('SELECT lower FROM t', { catalogue }), 'read R01');
  });

  test('a keyword of the grammar can be the name of a function of the users', () => {
    const catalogue = of(['effect', 'zone'], ['effect', 'set']);
    assert.equal(verdict('SELECT zone(1)', { catalogue }), 'write W10');
    assert.equal(verdict('SELECT set(1)', { catalogue }), 'write W10');
  });

  test('where a domain checks, what converts by row type or data goes to the primary', () => {
    const sql = "SELECT * FROM json_to_record('{}') AS j (a int)";
    assert.equal(verdict(sql, { catalogue: of() }), 'read R01');
    assert.equal(verdict(sql, { catalogue: of(['domain', 'positive']) }), 'write W11');
    assert.equal(
      verdict('SELECT positive FROM t', { catalogue: of(['domain', 'positive'], ['table', 't']) }),
      'write W11',
    );
  });

  test('code that can run without a name sends everything to the primary', () => {
    const catalogue = of(['hidden', 'a cast'], ['table', 't']);
    assert.equal(verdict('SELECT a FROM t', { catalogue }), 'write W10');
  });

  test('quoted names are compared exactly, others in lower case', () => {
    const catalogue = of(['table', 'Orders']);
    assert.equal(verdict('SELECT * FROM "Orders"', { catalogue }), 'read R01');
    assert.equal(verdict('SELECT * FROM Orders', { catalogue }), 'write W08');
  });

  test('a newer catalogue counts at once for a text that was judged by an older one', () => {
    const sql = 'SELECT * FROM fresh';
    assert.equal(verdict(sql, { catalogue: of() }), 'write W08');
    assert.equal(verdict(sql, { catalogue: of(['table', 'fresh']) }), 'read R01');
  });

  test('one that another engine made is refused', () => {
    assert.throws(() => viewOf({} as Catalogue), /not made by catalogueOf/);
  });
});

/** Of docs/routing.md: what stands before the rules of the other engine. */
async function ownPart(): Promise<string> {
  const page = await readFile(new URL('../../../docs/routing.md', import.meta.url), 'utf8');
  return page.slice(0, page.indexOf('\n## MySQL and MariaDB'));
}

describe('the documentation', () => {
  test('every rule stands in docs/routing.md with what it says, and its example is decided by it', async () => {
    const page = await ownPart();
    const rows = [...page.matchAll(/^\| (\w\d\d) \| (.+) \| `(.+?)`(.*) \|$/gm)];
    assert.deepEqual(
      rows.map(([, rule, says]) => [rule, says]),
      Object.entries(RULES),
    );
    for (const [, rule, , example = '', condition] of rows) {
      if (condition === '') assert.equal(verdict(example).split(' ')[1], rule, example);
    }
  });
});

describe('the documentation of the other rules', () => {
  test('every rule of requests, sessions and the moment stands in docs/routing.md with what it says', async () => {
    const page = await ownPart();
    const rows = [...page.matchAll(/^\| (\w\d\d) \| ([^|]+) \|$/gm)].map(([, rule, says]) => [rule, says]);
    assert.deepEqual(rows, [...Object.entries(UNIT_RULES), ...Object.entries(ROUTE_RULES)]);
  });
});

describe('explain', () => {
  test('it says where, by which rule, and what it had to assume', () => {
    const { lane, ...assumed } = explainText('SELECT * FROM t, "U"', undefined);
    assert.equal(lane.may, 'not yet');
    assert.deepEqual(assumed, {
      kind: 'read',
      route: 'replica',
      rule: 'R01',
      detail: '',
      reason: RULES.R01,
      assumption:
        'no server was asked: nothing but builtin functions is known; "t", "U" taken for plain tables',
    });
    const known = explainText('SELECT * FROM t', of());
    assert.deepEqual(
      [known.route, known.rule, known.detail, known.assumption],
      ['primary', 'W08', 't', undefined],
    );
  });

  test('a hint for the primary is the reason for a read to go there', () => {
    assert.equal(explainText('/* pointsman: primary */ SELECT 1', undefined).route, 'primary');
  });

  test('a read-only transaction may begin on a replica, any other begins on the primary', () => {
    assert.equal(explainText('BEGIN READ ONLY', undefined).route, 'replica');
    assert.equal(explainText('BEGIN', undefined).route, 'primary');
  });
});
