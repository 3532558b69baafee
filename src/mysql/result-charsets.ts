import { collationNumber, collationOf } from './collations.ts';

/** Collation that stands for a character set in columns, and its longest character in bytes. */
interface ResultCharset {
  readonly collation: number;
  readonly longest: number;
}

/** information_schema.COLLATIONS (default ones) and CHARACTER_SETS, MySQL 9.7 and MariaDB 10.11. */
const BY_NAME: ReadonlyMap<string, ResultCharset> = new Map(
  (
    'armscii8 32 1, ascii 11 1, big5 1 2, binary 63 1, cp1250 26 1, cp1251 51 1, cp1256 57 1, cp1257 59 1, ' +
    'cp850 4 1, cp852 40 1, cp866 36 1, cp932 95 2, dec8 3 1, eucjpms 97 3, euckr 19 2, gb18030 248 4, ' +
    'gb2312 24 2, gbk 28 2, geostd8 92 1, greek 25 1, hebrew 16 1, hp8 6 1, keybcs2 37 1, koi8r 7 1, ' +
    'koi8u 22 1, latin1 8 1, latin2 9 1, latin5 30 1, latin7 41 1, macce 38 1, macroman 39 1, sjis 13 2, ' +
    'swe7 10 1, tis620 18 1, ucs2 35 2, ujis 12 3, utf16 54 4, utf16le 56 4, utf32 60 4, utf8 33 3, ' +
    'utf8mb3 33 3, utf8mb4 255 4'
  )
    .split(', ')
    .map((entry): [string, ResultCharset] => {
      const [name = '', collation, longest] = entry.split(' ');
      return [name, { collation: Number(collation), longest: Number(longest) }];
    }),
);
/** What the server itself speaks, where results are not converted. */
const SYSTEM: ResultCharset = { collation: 33, longest: 3 };

/**
 * How text columns of the server's own are described when character_set_results is `name`, '' for NULL, and
 * collation_connection is `collation`: with SET NAMES or a log-in both come together.
 */
export function resultCharset(name: string, collation: string, version: string): ResultCharset {
  const found = BY_NAME.get(name.toLowerCase()) ?? SYSTEM;
  const own = collation.startsWith(`${name}_`) ? collationNumber(collation, version) : undefined;
  if (own !== undefined) return { ...found, collation: own };
  // MariaDB 10.11 knows no 255; its own default of utf8mb4 is 45.
  if (collationOf(found.collation, version) === undefined) return { ...found, collation: 45 };
  return found;
}
