import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collationOf, isAsciiSafe, isClientCharset } from '../../../src/mysql/collations.ts';

const MYSQL = '9.7.0';
const MARIADB = '10.11.19-MariaDB-log';

for (const [number, mysql, mariadb] of [
  [8, 'latin1_swedish_ci', 'latin1_swedish_ci'],
  [33, 'utf8mb3_general_ci', 'utf8mb3_general_ci'],
  [45, 'utf8mb4_general_ci', 'utf8mb4_general_ci'],
  [63, 'binary', 'binary'],
  [224, 'utf8mb4_unicode_ci', 'utf8mb4_unicode_ci'],
  [245, 'utf8mb4_croatian_ci', 'utf8mb4_croatian_mysql561_ci'],
  [248, 'gb18030_chinese_ci', undefined],
  [255, 'utf8mb4_0900_ai_ci', undefined],
  [0, undefined, undefined],
  [17, undefined, undefined],
  [127, undefined, undefined],
  [303, undefined, undefined],
] as const) {
  test(`collation ${number} is ${mysql} to MySQL and ${mariadb} to MariaDB`, () => {
    assert.equal(collationOf(number, MYSQL)?.collation, mysql);
    assert.equal(collationOf(number, MARIADB)?.collation, mariadb);
  });
}

test('MySQL before 8.0.30 knows the collations of utf8mb3 by the names of utf8', () => {
  for (const [version, name] of [
    ['8.0.26', 'utf8_bin'],
    ['8.0.29-log', 'utf8_bin'],
    ['8.0.30', 'utf8mb3_bin'],
    ['8.0.300', 'utf8mb3_bin'],
    ['8.4.2', 'utf8mb3_bin'],
  ] as const) {
    assert.deepEqual(collationOf(83, version), { charset: 'utf8mb3', collation: name });
  }
});

test('where a byte below 128 can be half a character a set is not ASCII-safe', () => {
  for (const charset of ['big5', 'gbk', 'sjis', 'cp932', 'gb18030', 'euckr', 'ucs2', 'utf16', 'utf32', 'x']) {
    assert.equal(isAsciiSafe(charset), false, charset);
  }
  for (const charset of ['utf8mb4', 'utf8mb3', 'utf8', 'latin1', 'binary', 'ascii', 'ujis', 'gb2312']) {
    assert.equal(isAsciiSafe(charset), true, charset);
  }
});

test('no client speaks a set whose characters have two or four bytes', () => {
  for (const charset of ['ucs2', 'utf16', 'utf16le', 'utf32']) assert.equal(isClientCharset(charset), false);
  assert.equal(isClientCharset('utf8mb4'), true);
});
