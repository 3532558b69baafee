import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  BAD,
  END,
  NUMBER,
  OPERATOR,
  PARAM,
  PUNCT,
  QUOTED,
  Scanner,
  STRING,
  WORD,
} from '../../../src/postgres/tokens.ts';

const NAMES = new Map<number, string>([
  [WORD, 'word'],
  [QUOTED, 'name'],
  [STRING, 'string'],
  [NUMBER, 'number'],
  [PARAM, 'param'],
  [OPERATOR, 'op'],
  [PUNCT, 'mark'],
  [BAD, 'bad'],
]);

/** `kind:text` of each token. */
function tokens(sql: string, standardConformingStrings = true): string[] {
  const bytes = Buffer.from(sql);
  const scanner = new Scanner();
  scanner.begin(bytes, standardConformingStrings);
  const found: string[] = [];
  for (let kind = scanner.next(); kind !== END; kind = scanner.next()) {
    found.push(`${NAMES.get(kind)}:${bytes.toString('utf8', scanner.start, scanner.end)}`);
    if (kind === BAD) break;
  }
  return found;
}

describe('the tokenizer', () => {
  test('operators end where a comment begins, and give back a trailing sign as the server does', () => {
    assert.deepEqual(tokens('a+-- x\n-b'), ['word:a', 'op:+', 'op:-', 'word:b']);
    assert.deepEqual(tokens('a*/* x */b'), ['word:a', 'op:*', 'word:b']);
    assert.deepEqual(tokens('a=-1'), ['word:a', 'op:=', 'op:-', 'number:1']);
    assert.deepEqual(tokens('a@-1'), ['word:a', 'op:@-', 'number:1']);
    assert.deepEqual(tokens('a<>-+-1'), ['word:a', 'op:<>', 'op:-', 'op:+', 'op:-', 'number:1']);
    assert.deepEqual(tokens('a->>b'), ['word:a', 'op:->>', 'word:b']);
  });

  test('numbers are whole, and what joins them is not guessed at', () => {
    assert.deepEqual(tokens('1 1.5 .5 1. 1e5 1.5E-7 0xFF 1_000'), [
      'number:1',
      'number:1.5',
      'number:.5',
      'number:1.',
      'number:1e5',
      'number:1.5E-7',
      'number:0xFF',
      'number:1_000',
    ]);
    assert.deepEqual(tokens('1..2'), ['number:1', 'mark:..', 'number:2']);
    for (const junk of ['12abc', '1e', '1e+', '0x1g', '1$$', '$1a', '$1$', '1_', '0x1é']) {
      assert.equal(tokens(junk).at(-1)?.startsWith('bad:'), true, junk);
    }
  });

  test('names keep dollars and bytes beyond ASCII; a dollar quote needs a gap before it', () => {
    assert.deepEqual(tokens('a$$b$$ größe'), ['word:a$$b$$', 'word:größe']);
    assert.deepEqual(tokens('a $$b$$'), ['word:a', 'string:$$b$$']);
    assert.deepEqual(tokens('$é$ $e$ $é$'), ['string:$é$ $e$ $é$']);
    assert.deepEqual(tokens('"a""b" "c"'), ['name:"a""b"', 'name:"c"']);
  });

  test('constants end where the server ends them', () => {
    assert.deepEqual(tokens("'a''b' E'\\'' b'1' X'f' n'x' U&'x'"), [
      "string:'a''b'",
      "string:E'\\''",
      "string:b'1'",
      "string:X'f'",
      "string:n'x'",
      "string:U&'x'",
    ]);
    assert.deepEqual(tokens("'a'\n 'b' 'c'"), ["string:'a'\n 'b'", "string:'c'"]);
    assert.deepEqual(tokens("'a' -- '\n'b'"), ["string:'a' -- '\n'b'"]);
    assert.deepEqual(tokens("'a' /* */\n'b'"), ["string:'a'", "string:'b'"]);
    assert.deepEqual(tokens('$a$ $b$a$'), ['string:$a$ $b$a$']);
    assert.deepEqual(tokens("ae'x'"), ['word:ae', "string:'x'"]);
    assert.deepEqual(tokens("'\\'x", false), ["bad:'\\'x"]);
  });

  test('casts, slices and arguments are marks', () => {
    assert.deepEqual(tokens('a::b[1:2] c:=d'), [
      'word:a',
      'mark:::',
      'word:b',
      'mark:[',
      'number:1',
      'mark::',
      'number:2',
      'mark:]',
      'word:c',
      'mark::=',
      'word:d',
    ]);
  });

  test('block comments nest; one without end makes the text bad', () => {
    assert.deepEqual(tokens('/* /* */ a */ b'), ['word:b']);
    assert.deepEqual(tokens('/*/ a */ b'), ['word:b']);
    assert.equal(tokens('a /* /* */ b').at(-1)?.startsWith('bad:'), true);
  });

  test('any bytes are read once, in order, within their bounds, and never for ever', () => {
    const pieces = fc.constantFrom(
      ..."'|\"|$$|$a$|/*|*/|--|\n|E'|U&'|U&\"|B'|\\|0x|1e|.|..|::|+|-|*|@|a|é| |;|(|)|\0|$1|_".split('|'),
    );
    const text = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(pieces).map((all) => Buffer.from(all.join(''))),
    );
    fc.assert(
      fc.property(text, fc.boolean(), (bytes, standard) => {
        const scanner = new Scanner();
        scanner.begin(bytes, standard);
        let end = 0;
        for (let steps = 0; ; steps++) {
          const kind = scanner.next();
          assert.ok(steps <= bytes.length, 'a token for each byte at most');
          assert.ok(scanner.start >= end && scanner.end >= scanner.start && scanner.end <= bytes.length);
          if (kind === END || kind === BAD) break;
          assert.ok(scanner.end > scanner.start);
          end = scanner.end;
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
