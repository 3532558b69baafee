import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { explain } from '../../../src/commands/explain.ts';

async function said(...args: string[]): Promise<{ code: number; text: string }> {
  let text = '';
  const code = await explain(args, (part) => {
    text += part;
  });
  return { code, text };
}

describe('explain', () => {
  test('says where, by which rule, and whether a lane may be taken, a line each', async () => {
    assert.deepEqual(await said('SELECT said FROM note FOR UPDATE'), {
      code: 0,
      text:
        'the primary: it locks rows (for update)\n' +
        'rule: W02\n' +
        'lane: no, it is no plain read\n' +
        'note: no server was asked: nothing but builtin functions is known; "note" taken for plain tables\n',
    });
  });

  const lanes: readonly [engine: string, sql: string, line: RegExp][] = [
    ['postgres', 'SELECT a FROM t WHERE b = 1', /^lane: not yet, no run of it is known yet;/m],
    ['postgres', 'SELECT 1; SELECT 2', /^lane: no, it is one of several statements$/m],
    [
      'postgres',
      'SELECT setting FROM t',
      /^lane: no, its answer may tell sessions or server connections apart$/m,
    ],
    ['postgres', `SELECT ${'1, '.repeat(5_000)}1`, /^lane: no, it is larger than 8 kB$/m],
    ['mysql', 'SELECT a FROM t WHERE b = 1', /^lane: not yet, no run of it is known yet;/m],
    ['mysql', 'EXPLAIN SELECT a FROM t', /^lane: no, the server has to be asked something right behind it$/m],
    ['mariadb', 'SELECT LAST_INSERT_ID()', /^lane: no, it asks for what an earlier statement/m],
  ];
  for (const [engine, sql, line] of lanes) {
    test(`${engine}: ${sql.slice(0, 40)}`, async () => {
      const { code, text } = await said('--engine', engine, sql);
      assert.equal(code, 0);
      assert.match(text, line);
    });
  }

  test('without a statement it says how it wants to be called', async () => {
    const { code, text } = await said();
    assert.equal(code, 2);
    assert.match(text, /give one statement, in quotes/);
  });
});
