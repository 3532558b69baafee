import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { classifyText, TextClassifier, type TextFacts } from '../../../src/postgres/classify.ts';
import { Digest } from '../../../src/postgres/digest.ts';
import { Sample } from '../../../src/postgres/sample.ts';
import { anyText } from './texts.ts';

const digest = new Digest();
function normal(sql: string): string | undefined {
  return digest.normalize(Buffer.from(sql), true)
    ? digest.bytes.toString('utf8', 0, digest.length)
    : undefined;
}

function alike(sample: string, other: string): boolean | undefined {
  return Sample.of(Buffer.from(sample))?.matches(Buffer.from(other));
}

const LISTS = { allow: new Set<string>(), deny: new Set<string>() };

const facts = (standardConformingStrings = true): TextFacts => ({
  standardConformingStrings,
  encoding: 'UTF8',
  catalogue: undefined,
  lists: LISTS,
});

/** Other digits where there are some. */
const withOtherDigits = (sql: string, digits: readonly string[]): string => {
  let at = 0;
  return sql.replace(/[0-9]+/g, (old) => digits[at++ % digits.length] ?? old);
};

describe('a text that is like one that is known', () => {
  const rows: readonly [sample: string, other: string, alike: boolean][] = [
    ['SELECT a FROM t WHERE id = 12;', 'SELECT a FROM t WHERE id = 90210;', true],
    ['SELECT a FROM t WHERE id = 12', 'SELECT a FROM t WHERE id = 1', true],
    ['SELECT 1, 22', 'SELECT 333, 4', true],
    ['SELECT a', 'SELECT a', true],
    ['SELECT 1', 'SELECT ', false],
    ['SELECT 1, 2', 'SELECT , 2', false],
    ['SELECT 1', 'SELECT 1 ', false],
    ['SELECT 1 ', 'SELECT 1', false],
    ['SELECT 1', 'SELECT 1.5', false],
    ['SELECT 1', 'SELECT 1e5', false],
    ['SELECT 1', 'SELECT -1', false],
    ['SELECT 1', "SELECT '1'", false],
    ['SELECT 1.5', 'SELECT 2.5', false],
    ['SELECT $1', 'SELECT $2', false],
    ['SELECT t1', 'SELECT t2', false],
    ["SELECT '1'", "SELECT '2'", false],
    ['SELECT 0x1F', 'SELECT 1x1F', false],
    ['SELECT 1 FOR UPDATE', 'SELECT 1 FOR uPDATE', false],
  ];
  for (const [sample, other, expected] of rows) {
    test(`${sample} and ${other}: ${expected ? 'yes' : 'no'}`, () => {
      assert.equal(alike(sample, other), expected);
    });
  }

  test('a long one is nobody’s sample', () => {
    assert.equal(alike(`SELECT ${'a'.repeat(2_000)}`, ''), undefined);
  });

  test('it has the same normal form', () => {
    let matched = 0;
    fc.assert(
      fc.property(
        anyText,
        fc.array(fc.constantFrom('0', '7', '00', '123'), { minLength: 1 }),
        (sql, digits) => {
          if (normal(sql) === undefined) return;
          const other = withOtherDigits(sql, digits);
          if (alike(sql, other) !== true) return;
          if (other !== sql) matched++;
          assert.equal(normal(other), normal(sql));
        },
      ),
      { numRuns: 20_000 },
    );
    assert.ok(matched > 100, `${matched} texts of other digits were alike`);
  });

  test('a session’s texts, one after another, want what each by itself wants', () => {
    const step = fc.tuple(anyText, fc.array(fc.constantFrom('0', '12'), { minLength: 1 }));
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 4 }), fc.boolean(), (steps, standard) => {
        const texts = new TextClassifier(facts(standard));
        for (const [sql, digits] of steps) {
          for (const text of [sql, withOtherDigits(sql, digits), sql]) {
            const { cost: _, ...intent } = texts.classify(Buffer.from(text));
            const { cost: __, ...alone } = classifyText(Buffer.from(text), facts(standard));
            assert.deepEqual(intent, alone);
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('what a backslash means to one kind of session is not taken over from another', () => {
    // With standard strings two strings and a word; without, one string that ends at the last apostrophe.
    const standard = "SELECT 'a\\', b, 'c'";
    const known = "SELECT 'x', b, 'c'";
    classifyText(Buffer.from(standard), facts(true));
    const texts = new TextClassifier(facts(false));
    texts.classify(Buffer.from(known));
    const { cost: _, ...intent } = texts.classify(Buffer.from(standard));
    const { cost: __, ...alone } = classifyText(Buffer.from(standard), facts(false));
    assert.deepEqual(intent, alone);
    assert.equal(intent.because, 'U01');
  });

  test('now and then a form is looked up, so that the cache knows that it is used', () => {
    const texts = new TextClassifier(facts());
    const wants = texts.classify(Buffer.from('SELECT 1 AS used'));
    // The cache is filled with others in between: what is not asked for is dropped.
    for (let run = 0; run < 300; run++) {
      for (let other = 0; other < 100; other++)
        classifyText(Buffer.from(`SELECT 1 AS x${run}_${other}`), facts());
      texts.classify(Buffer.from(`SELECT ${run} AS used`));
    }
    assert.equal(classifyText(Buffer.from('SELECT 1 AS used'), facts()), wants);
  });
});
