import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LinkStatements } from '../../../src/mysql/link-statements.ts';
import { adjustCommands, setStatement } from '../../../src/mysql/settings.ts';

const set = (...changes: readonly (readonly [string, string | null])[]): string =>
  setStatement(changes.map(([name, value]) => ({ name, value })));

describe('the SET that makes a link as a session is', () => {
  test('numbers stand bare, texts between quotes, defaults and NULL by their words', () => {
    assert.equal(
      set(
        ['sort_buffer_size', '262144'],
        ['long_query_time', '0.500000'],
        ['autocommit', 'OFF'],
        ['x', null],
      ),
      "SET SESSION x=DEFAULT,SESSION sort_buffer_size=262144,SESSION long_query_time=0.500000,SESSION autocommit='OFF'",
    );
    assert.equal(set(['character_set_results', '']), 'SET SESSION character_set_results=NULL');
    assert.equal(set(['sql_mode', '']), "SET SESSION sql_mode=''");
  });

  test('a text is read alike under every sql_mode and character set', () => {
    assert.equal(set(['time_zone', '+03:00']), "SET SESSION time_zone='+03:00'");
    for (const value of ["a'b", 'a\\', 'ü', "\\'; DROP TABLE t; --"]) {
      const hex = Buffer.from(value).toString('hex');
      assert.equal(set(['time_zone', value]), `SET SESSION time_zone=CONVERT(0x${hex} USING utf8mb4)`);
    }
  });

  test('defaults come first, then sql_mode, character sets, and collations', () => {
    assert.equal(
      set(
        ['collation_connection', 'c'],
        ['time_zone', 'z'],
        ['character_set_server', 's'],
        ['sql_mode', 'm'],
        ['collation_server', null],
      ),
      "SET SESSION collation_server=DEFAULT,SESSION sql_mode='m',SESSION character_set_server='s'," +
        "SESSION collation_connection='c',SESSION time_zone='z'",
    );
  });

  test('a schema that is not ASCII is named in UTF-8, whatever the session speaks', () => {
    const text = (...changes: { name: string; value: string | null }[]): string =>
      adjustCommands(changes, 'latin1')
        ?.bytes.toString('utf8')
        .replaceAll(/[^ -~ü]/g, '|') ?? '';
    assert.match(
      text({ name: ':schema', value: 'ü' }),
      /SET SESSION character_set_client=utf8mb4.*ü.*SET SESSION character_set_client='latin1'$/,
    );
    assert.match(
      text({ name: ':schema', value: 'ü' }, { name: 'character_set_client', value: 'cp850' }),
      /=utf8mb4.*ü.*'cp850'$/,
    );
  });

  test('what is no name of a variable is never sent', () => {
    assert.equal(adjustCommands([{ name: 'a=1, b', value: '1' }], 'utf8mb4'), undefined);
    assert.equal(adjustCommands([{ name: ':unknown', value: '1' }], 'utf8mb4'), undefined);
  });
});

describe('statements of a link', () => {
  test('the one that was not used for longest makes room', () => {
    const statements = new LinkStatements(2);
    statements.set('a', 1);
    statements.set('b', 2);
    statements.get('a');
    statements.set('c', 3);
    assert.deepEqual(
      ['a', 'b', 'c'].map((key) => statements.get(key)?.id),
      [1, undefined, 3],
    );
    assert.deepEqual(statements.takeClosing(), Buffer.from([5, 0, 0, 0, 0x19, 2, 0, 0, 0]));
    assert.equal(statements.takeClosing(), undefined);
  });

  test('one that is prepared again replaces the other', () => {
    const statements = new LinkStatements();
    statements.set('a', 1);
    statements.set('a', 2);
    assert.equal(statements.get('a')?.id, 2);
    assert.deepEqual(statements.takeClosing(), Buffer.from([5, 0, 0, 0, 0x19, 1, 0, 0, 0]));
  });

  test('none is left when the server has forgotten all', () => {
    const statements = new LinkStatements();
    statements.set('a', 1);
    statements.clear();
    assert.equal(statements.get('a'), undefined);
    assert.equal(statements.takeClosing(), undefined);
    assert.equal(statements.resets, 1);
  });
});
