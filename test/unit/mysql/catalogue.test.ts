import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readCatalogue } from '../../../src/mysql/catalogue-query.ts';
import { explainText } from '../../../src/mysql/explain.ts';
import { classified } from './classified.ts';

const exact = readCatalogue(
  [
    ['app', 'Users', 1, 1, '9.7.0'],
    ['app', 'view', '0', '1', '9.7.0'],
  ],
  [
    ['Stored', 'FUNCTION', '0', '0', '0'],
    ['Quiet', 'PROCEDURE', '0', '0', '0'],
  ],
  [['log', '0', '1']],
);
const folding = readCatalogue([['APP', 'Users', '1', '0', '10.11-MariaDB']], [], []);

describe('what the names of a server mean', () => {
  test('the case of a table’s name counts where the server says so', () => {
    assert.equal(classified('SELECT * FROM Users', { catalogue: exact }).kind, 'read');
    assert.equal(classified('SELECT * FROM users', { catalogue: exact }).kind, 'write');
    assert.equal(classified('SELECT * FROM APP.Users', { catalogue: exact }).kind, 'write');
    assert.equal(classified('SELECT * FROM uSERS', { catalogue: folding }).kind, 'read');
    assert.equal(classified('SELECT * FROM App.uSERS', { catalogue: folding }).kind, 'read');
  });

  test('one answer is not taken for another catalogue, schema, mode or server', () => {
    const text = 'SELECT * FROM Users';
    assert.equal(classified(text, { catalogue: exact }).kind, 'read');
    assert.equal(classified(text, { catalogue: exact, schema: 'apq' }).kind, 'write');
    assert.equal(classified(text, { catalogue: undefined }).kind, 'write');
    assert.equal(classified(text, { catalogue: exact }).kind, 'read');
    assert.equal(classified('SELECT JSON_PRETTY(1)', { version: '9.0' }).kind, 'read');
    assert.equal(classified('SELECT JSON_PRETTY(1)', { version: '10.11-MariaDB' }).kind, 'write');
    assert.equal(
      classified('SELECT 1', { lists: { allow: new Set(), deny: new Set(['abs']) } }).kind,
      'read',
    );
    assert.equal(classified('SELECT ABS(1)').kind, 'read');
    assert.equal(
      classified('SELECT ABS(1)', { lists: { allow: new Set(), deny: new Set(['abs']) } }).kind,
      'write',
    );
  });

  test('a stored function hides a construct of the same name, in any case', () => {
    assert.equal(classified('SELECT STORED()', { catalogue: exact }).because, 'W10');
  });

  test('routines that may take locks pin who calls them, triggers who writes', () => {
    const locks = readCatalogue(
      [],
      [['p', 'PROCEDURE', 1, 0, 0]],
      [
        ['T', '0', '1'],
        ['u', 1, 0],
      ],
    );
    assert.equal(classified('CALL p()', { catalogue: locks }).pin, 'advisory-lock');
    assert.equal(classified('INSERT INTO t VALUES (1)', { catalogue: locks }).pin, 'advisory-lock');
    for (const text of [
      'UPDATE u SET a = 1',
      "LOAD DATA INFILE 'x' INTO TABLE u",
      'WITH a AS (SELECT 1) DELETE FROM `u`',
    ])
      assert.equal(classified(text, { catalogue: locks }).pin, 'advisory-lock', text);
    assert.equal(classified('INSERT INTO other VALUES (1)', { catalogue: locks }).pin, undefined);
    assert.equal(classified('CALL quiet()', { catalogue: exact }).pin, undefined);
    assert.equal(classified('INSERT INTO t VALUES (1)', { catalogue: exact }).pin, undefined);
  });
});

test('a procedure that may make or drop what has a name changes names, and so does a text that is not seen', () => {
  const names = (text: string, catalogue: Parameters<typeof classified>[1]) =>
    classified(text, catalogue).names;
  const row = (name: string, defines: number, calls: number) => [name, 'PROCEDURE', 0, defines, calls];
  const catalogue = readCatalogue([], [row('quiet', 0, 0), row('caller', 0, 1), row('maker', 1, 0)], []);
  assert.equal(names('CALL app.Quiet(1)', { catalogue }), 'known');
  assert.equal(names('CALL maker()', { catalogue }), 'changed');
  assert.equal(names('CALL caller()', { catalogue }), 'changed');
  assert.equal(names('CALL not_known()', { catalogue }), 'changed');
  assert.equal(names('CALL quiet()', { catalogue: undefined }), 'changed');
  assert.equal(names("EXECUTE IMMEDIATE 'DROP TABLE t'", { catalogue }), 'changed');
  assert.equal(names('EXECUTE s', { catalogue }), 'changed');
});

describe('explain', () => {
  test('says where a text goes, by which rule, and what nobody has checked', () => {
    const read = explainText('SELECT * FROM users', 'app', undefined);
    assert.deepEqual([read.kind, read.route, read.rule], ['read', 'replica', 'R01']);
    assert.match(read.assumption ?? '', /"app\.users" taken for plain tables/);
    assert.match(explainText('SELECT * FROM users', '', undefined).assumption ?? '', /"users" taken/);
    const view = explainText('SELECT * FROM view', 'app', exact);
    assert.deepEqual(
      [view.route, view.rule, view.detail, view.assumption],
      ['primary', 'W08', 'view', undefined],
    );
    assert.equal(explainText('START TRANSACTION READ ONLY', '', undefined).route, 'replica');
    assert.match(explainText('KILL 1; SELECT 1', '', undefined).reason, /refused/);
    assert.match(explainText('SHOW WARNINGS', '', undefined).reason, /answered by the proxy/);
    assert.equal(explainText('/*pointsman: primary*/ SELECT 1', '', undefined).rule, 'H01');
  });
});
