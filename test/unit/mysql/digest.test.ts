import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Digest, normalReading } from '../../../src/mysql/digest.ts';
import { TokenList } from '../../../src/mysql/token-list.ts';
import { NUMBER, type Reading, STRING } from '../../../src/mysql/tokens.ts';

const USUAL: Reading = { escapes: true, ansi: false, utf8: true };

function normal(text: string, reading = USUAL): string | undefined {
  const digest = new Digest();
  return digest.normalize(Buffer.from(text), reading)
    ? digest.bytes.toString('utf8', 0, digest.length)
    : undefined;
}

const piece = fc.constantFrom(
  ...`SELECT FROM t WHERE a = 1 'x' "y" \`z\` ( ) , ; . - -- + * / 5-3 5--3 0x1F 1.5 .5 1e3 \\N @a @@b ? := N'x'`.split(
    ' ',
  ),
  '/* c */',
  '-- c\n',
  '#c\n',
  '/*+ BKA(t) */',
  "'a''b'",
  "'a\\'b'",
  '"a""b"',
  "x'61'",
  '(1, 2), (3, 4)',
  '(1, 2, 3)',
  "'a' 'b'",
  'é',
  "get_lock('a', 1)",
);
const texts = fc
  .array(fc.tuple(piece, fc.constantFrom('', ' ', '\n', '/**/')))
  .map((pieces) => pieces.map(([word, gap]) => word + gap).join(''));

/** The tokens that are no constants. */
function words(text: string, reading: Reading): string[] | undefined {
  const tokens = new TokenList(Buffer.from(text), reading);
  if (!tokens.certain) return undefined;
  return tokens.texts.filter((_, at) => tokens.kind(at) !== STRING && tokens.kind(at) !== NUMBER);
}

describe('the normal form of a text', () => {
  test('constants, white space and comments are folded; hints and the case of words are kept', () => {
    for (const [text, form] of [
      ["select  a from T where b='x' and c = 5", "select a from T where b= '' and c = 0"],
      ['SELECT 1 -- c\n+ 2', 'SELECT 0 + 0'],
      ['a IN (1,2, 3)', 'a IN ( 0)'],
      ["VALUES (1,'a'),(2,'b')", 'VALUES ( 0)'],
      ['SELECT 5--3', 'SELECT 0- - 0'],
      ['SELECT 0x1F.a', 'SELECT 0 .a'],
      ['/* pointsman: primary */ SELECT 1', '/*pointsman:primary*/ SELECT 0'],
      ['SELECT /*+ BKA(t) */ 1', 'SELECT /*+ BKA(t) */ 0'],
      ["SELECT 'open", undefined],
    ] as const) {
      assert.equal(normal(text), form, text);
    }
  });

  test('what is in double quotes is a constant or a name by the mode of the session', () => {
    assert.equal(normal('SELECT "a"'), "SELECT ''");
    assert.equal(normal('SELECT "a"', { ...USUAL, ansi: true }), 'SELECT "a"');
  });

  test('it has the tokens of its text but for constants, whatever the text and the mode', () => {
    fc.assert(
      fc.property(texts, fc.boolean(), fc.boolean(), (text, escapes, ansi) => {
        const reading: Reading = { escapes, ansi, utf8: true };
        const digest = new Digest();
        const certain = digest.normalize(Buffer.from(text), reading);
        const expected = words(text, reading);
        assert.equal(certain, expected !== undefined);
        if (!certain || expected === undefined || digest.literal) return;
        const form = digest.bytes.toString('utf8', 0, digest.length);
        // Lists of constants have become shorter.
        const found = words(form, normalReading(true));
        assert.ok(found !== undefined, form);
        const folded = (list: readonly string[]): string =>
          list.join(' ').replace(/\( (, )*(\) , \( (, )*)*\)/g, '( )');
        assert.equal(folded(withoutCommas(found)), folded(withoutCommas(expected)), form);
      }),
      { numRuns: 3_000 },
    );
  });

  test('what depends on its constants or spelling is not to be remembered', () => {
    const digest = new Digest();
    for (const [text, literal] of [
      ['SET a = 1', true],
      ['SELECT 1; set a = 1', true],
      ['KILL 5', true],
      ['SHOW WARNINGS LIMIT 5', true],
      ['SELECT FOUND_ROWS()', true],
      ['SELECT @@warning_count', true],
      ["SELECT @'a'", true],
      ['SELECT /*!50001 1 */', true],
      ['SELECT a FROM kill', false],
      ['SELECT 1', false],
    ] as const) {
      digest.normalize(Buffer.from(text), USUAL);
      assert.equal(digest.literal, literal, text);
    }
  });
});

const withoutCommas = (list: readonly string[]): string[] =>
  list.filter((text) => text !== ',' && text !== '(' && text !== ')');
