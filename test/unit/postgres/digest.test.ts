import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { DigestCache } from '../../../src/core/digest-cache.ts';
import type { Intent } from '../../../src/core/intent.ts';
import { plainIntent } from '../../../src/core/plain-intent.ts';
import { Digest } from '../../../src/postgres/digest.ts';
import { TokenList } from '../../../src/postgres/token-list.ts';
import { NUMBER, STRING } from '../../../src/postgres/tokens.ts';
import { classified } from './classified.ts';
import { anyText } from './texts.ts';

const digest = new Digest();

function normal(sql: string): string | undefined {
  return digest.normalize(Buffer.from(sql), true)
    ? digest.bytes.toString('utf8', 0, digest.length)
    : undefined;
}

/** The tokens of a text, constants without their content and lists of constants not counted. */
function shape(sql: string): string[] {
  const list = new TokenList(Buffer.from(sql), true, true);
  const found: string[] = [];
  for (let at = 0; at < list.length; at++) {
    const kind = list.kind(at);
    found.push(kind === STRING || kind === NUMBER ? 'constant' : list.text(at));
  }
  return found;
}

describe('the normal form of a text', () => {
  test('constants, white space, comments and case of words do not matter', () => {
    const form = normal('SELECT a FROM t WHERE b = 1');
    assert.equal(form, 'select a from t where b = 0');
    assert.equal(normal('select  a\n/* x */ from T where B =\t98.5e7 -- y'), form);
    assert.notEqual(normal('select "A" from t where b = 1'), form);
    assert.notEqual(normal("select a from t where b = '1'"), form);
  });

  test('lists and rows of constants have one length', () => {
    const form = normal('INSERT INTO t VALUES (1)');
    assert.equal(normal("INSERT INTO t VALUES (1,'a', NULL),(2, 'b',true) , (3,$$x$$)"), form);
    assert.equal(normal('SELECT f(1, 2, x)'), 'select f( 0, x)');
    assert.equal(normal('SELECT f(1), f(2)'), 'select f( 0), f( 0)');
    assert.equal(normal("SELECT 1,'x'e5"), 'select 0 e5');
  });

  test('a hint is part of it, other comments are not', () => {
    assert.equal(normal('/* trace 17 */ SELECT 1'), 'select 0');
    assert.equal(normal('/* x */ /* Pointsman: Replica */ SELECT 1'), '/*pointsman:replica*/ select 0');
    assert.equal(normal('/*pointsman:node=pg-2*/SELECT 1'), '/*pointsman:node=pg-2*/ select 0');
  });

  test('what depends on constants is marked', () => {
    const literal = (sql: string): boolean => normal(sql) !== undefined && digest.literal;
    assert.equal(literal('SET a = 1'), true);
    assert.equal(literal('SELECT 1; set a = 1'), true);
    assert.equal(literal('DO $$ $$'), true);
    assert.equal(literal("SELECT set_config('a', 'b', false)"), true);
    assert.equal(literal('UPDATE t SET a = 1'), false);
  });

  test('an open quote has none', () => {
    assert.equal(normal("SELECT 'a"), undefined);
    assert.equal(normal('SELECT /* a'), undefined);
  });

  test('no two texts with different tokens share one: the form has the tokens of the text', () => {
    fc.assert(
      fc.property(anyText, (sql) => {
        const form = normal(sql);
        if (form === undefined) return;
        assert.equal(normal(form), form, 'it is its own normal form');
        const folded = (tokens: string[]): string =>
          tokens
            .join(' ')
            .replace(/\b(null|true|false)\b/g, 'constant')
            .replace(/constant( , constant)+/g, 'constant')
            .replace(/\( constant \)( , \( constant \))+/g, '( constant )');
        assert.equal(folded(shape(form)), folded(shape(sql)));
      }),
      { numRuns: 20_000 },
    );
  });

  test('a text longer than usual has one too', () => {
    const rows = Array.from({ length: 20_000 }, (_, row) => `(${row}, 'x', NULL)`).join(', ');
    assert.equal(normal(`INSERT INTO t VALUES ${rows}`), 'insert into t values ( 0)');
  });
});

describe('the cache', () => {
  const intent = (detail: string): Intent => plainIntent('read', 'R01', detail);

  test('what is used stays, what is not used goes, and the whole is bounded', () => {
    const cache = new DigestCache({ bytes: 100, entries: 4 });
    cache.set('kept', intent('kept'));
    for (let at = 0; at < 50; at++) {
      cache.set(`other ${at}`, intent(''));
      assert.equal(cache.get('kept')?.detail, 'kept');
    }
    assert.equal(cache.get('other 1'), undefined);
    assert.ok(cache.size <= 8);
    cache.set('x'.repeat(90), intent(''));
    cache.set('y'.repeat(90), intent(''));
    assert.ok(cache.size <= 8);
  });

  test('one answer for one form: the second classification is the first', () => {
    assert.equal(classified('SELECT a FROM t WHERE b = 1'), classified('select a from t where b = 2'));
  });

  test('facts that change the answer are kept apart', () => {
    assert.equal(classified('SELECT grün FROM t').kind, 'read');
    assert.equal(classified('SELECT grün FROM t', { encoding: 'LATIN1' }).kind, 'write');
    assert.equal(classified('SELECT a FROM t', { catalogue: undefined }).kind, 'write');
    assert.equal(classified('SELECT lower(a) FROM t').kind, 'read');
    const lists = { allow: new Set<string>(), deny: new Set(['lower']) };
    assert.equal(classified('SELECT lower(a) FROM t', { lists }).kind, 'write');
    assert.equal(classified('SELECT a FROM t', { serializable: true }).kind, 'write');
    assert.equal(classified('SELECT a FROM t').kind, 'read');
  });
});
