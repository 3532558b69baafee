/** What the number of a collation in the handshake stands for. */
export interface Collation {
  readonly collation: string;
  readonly charset: string;
}

/**
 * Collations 1 to 255 of MySQL 9.7 by their character sets, each without the name of its set in front: one byte is
 * all that a handshake has room for (information_schema.COLLATIONS).
 */
const BY_CHARSET: Readonly<Record<string, string>> = {
  armscii8: '32 general_ci, 64 bin',
  ascii: '11 general_ci, 65 bin',
  big5: '1 chinese_ci, 84 bin',
  binary: '63',
  cp1250: '26 general_ci, 34 czech_cs, 44 croatian_ci, 66 bin, 99 polish_ci',
  cp1251: '14 bulgarian_ci, 23 ukrainian_ci, 50 bin, 51 general_ci, 52 general_cs',
  cp1256: '57 general_ci, 67 bin',
  cp1257: '29 lithuanian_ci, 58 bin, 59 general_ci',
  cp850: '4 general_ci, 80 bin',
  cp852: '40 general_ci, 81 bin',
  cp866: '36 general_ci, 68 bin',
  cp932: '95 japanese_ci, 96 bin',
  dec8: '3 swedish_ci, 69 bin',
  eucjpms: '97 japanese_ci, 98 bin',
  euckr: '19 korean_ci, 85 bin',
  gb18030: '248 chinese_ci, 249 bin, 250 unicode_520_ci',
  gb2312: '24 chinese_ci, 86 bin',
  gbk: '28 chinese_ci, 87 bin',
  geostd8: '92 general_ci, 93 bin',
  greek: '25 general_ci, 70 bin',
  hebrew: '16 general_ci, 71 bin',
  hp8: '6 english_ci, 72 bin',
  keybcs2: '37 general_ci, 73 bin',
  koi8r: '7 general_ci, 74 bin',
  koi8u: '22 general_ci, 75 bin',
  latin1:
    '5 german1_ci, 8 swedish_ci, 15 danish_ci, 31 german2_ci, 47 bin, 48 general_ci, 49 general_cs, ' +
    '94 spanish_ci',
  latin2: '2 czech_cs, 9 general_ci, 21 hungarian_ci, 27 croatian_ci, 77 bin',
  latin5: '30 turkish_ci, 78 bin',
  latin7: '20 estonian_cs, 41 general_ci, 42 general_cs, 79 bin',
  macce: '38 general_ci, 43 bin',
  macroman: '39 general_ci, 53 bin',
  sjis: '13 japanese_ci, 88 bin',
  swe7: '10 swedish_ci, 82 bin',
  tis620: '18 thai_ci, 89 bin',
  ucs2:
    '35 general_ci, 90 bin, 128 unicode_ci, 129 icelandic_ci, 130 latvian_ci, 131 romanian_ci, ' +
    '132 slovenian_ci, 133 polish_ci, 134 estonian_ci, 135 spanish_ci, 136 swedish_ci, ' +
    '137 turkish_ci, 138 czech_ci, 139 danish_ci, 140 lithuanian_ci, 141 slovak_ci, 142 spanish2_ci, ' +
    '143 roman_ci, 144 persian_ci, 145 esperanto_ci, 146 hungarian_ci, 147 sinhala_ci, ' +
    '148 german2_ci, 149 croatian_ci, 150 unicode_520_ci, 151 vietnamese_ci, 159 general_mysql500_ci',
  ujis: '12 japanese_ci, 91 bin',
  utf16:
    '54 general_ci, 55 bin, 101 unicode_ci, 102 icelandic_ci, 103 latvian_ci, 104 romanian_ci, ' +
    '105 slovenian_ci, 106 polish_ci, 107 estonian_ci, 108 spanish_ci, 109 swedish_ci, ' +
    '110 turkish_ci, 111 czech_ci, 112 danish_ci, 113 lithuanian_ci, 114 slovak_ci, 115 spanish2_ci, ' +
    '116 roman_ci, 117 persian_ci, 118 esperanto_ci, 119 hungarian_ci, 120 sinhala_ci, ' +
    '121 german2_ci, 122 croatian_ci, 123 unicode_520_ci, 124 vietnamese_ci',
  utf16le: '56 general_ci, 62 bin',
  utf32:
    '60 general_ci, 61 bin, 160 unicode_ci, 161 icelandic_ci, 162 latvian_ci, 163 romanian_ci, ' +
    '164 slovenian_ci, 165 polish_ci, 166 estonian_ci, 167 spanish_ci, 168 swedish_ci, ' +
    '169 turkish_ci, 170 czech_ci, 171 danish_ci, 172 lithuanian_ci, 173 slovak_ci, 174 spanish2_ci, ' +
    '175 roman_ci, 176 persian_ci, 177 esperanto_ci, 178 hungarian_ci, 179 sinhala_ci, ' +
    '180 german2_ci, 181 croatian_ci, 182 unicode_520_ci, 183 vietnamese_ci',
  utf8mb3:
    '33 general_ci, 76 tolower_ci, 83 bin, 192 unicode_ci, 193 icelandic_ci, 194 latvian_ci, ' +
    '195 romanian_ci, 196 slovenian_ci, 197 polish_ci, 198 estonian_ci, 199 spanish_ci, ' +
    '200 swedish_ci, 201 turkish_ci, 202 czech_ci, 203 danish_ci, 204 lithuanian_ci, 205 slovak_ci, ' +
    '206 spanish2_ci, 207 roman_ci, 208 persian_ci, 209 esperanto_ci, 210 hungarian_ci, ' +
    '211 sinhala_ci, 212 german2_ci, 213 croatian_ci, 214 unicode_520_ci, 215 vietnamese_ci, ' +
    '223 general_mysql500_ci',
  utf8mb4:
    '45 general_ci, 46 bin, 224 unicode_ci, 225 icelandic_ci, 226 latvian_ci, 227 romanian_ci, ' +
    '228 slovenian_ci, 229 polish_ci, 230 estonian_ci, 231 spanish_ci, 232 swedish_ci, ' +
    '233 turkish_ci, 234 czech_ci, 235 danish_ci, 236 lithuanian_ci, 237 slovak_ci, 238 spanish2_ci, ' +
    '239 roman_ci, 240 persian_ci, 241 esperanto_ci, 242 hungarian_ci, 243 sinhala_ci, ' +
    '244 german2_ci, 245 croatian_ci, 246 unicode_520_ci, 247 vietnamese_ci, 255 0900_ai_ci',
};

/** MariaDB keeps the plain name for a collation of its own with another number. */
const RENAMED_BY_MARIADB: ReadonlySet<number> = new Set([122, 149, 181, 213, 245]);
const NOT_IN_MARIADB: ReadonlySet<number> = new Set([76, 248, 249, 250, 255]);

const byNumber: ReadonlyMap<number, Collation> = new Map(
  Object.entries(BY_CHARSET).flatMap(([charset, listed]) =>
    listed.split(', ').map((entry): [number, Collation] => {
      const [number, name] = entry.split(' ');
      return [Number(number), { collation: name === undefined ? charset : `${charset}_${name}`, charset }];
    }),
  ),
);

/** Characters of two or four bytes each: no client can speak these. */
const NOT_FOR_CLIENTS: ReadonlySet<string> = new Set(['ucs2', 'utf16', 'utf16le', 'utf32']);

/** A byte below 128 can be the second half of a character. */
const NOT_ASCII_SAFE: ReadonlySet<string> = new Set(['big5', 'cp932', 'euckr', 'gb18030', 'gbk', 'sjis']);

export const isMariaDb = (version: string): boolean => version.includes('MariaDB');

/** Before 8.0.30 the collations of utf8mb3 had the names of utf8. */
const SAYS_UTF8 = /^8\.0\.[12]?\d(?!\d)/;

/** The collation with a number, 1 to 255; undefined where a server of this version knows none. */
export function collationOf(number: number, version: string): Collation | undefined {
  const found = byNumber.get(number);
  if (found === undefined) return undefined;
  const { charset, collation } = found;
  if (!isMariaDb(version)) {
    if (charset !== 'utf8mb3' || !SAYS_UTF8.test(version)) return found;
    return { charset, collation: collation.replace('utf8mb3', 'utf8') };
  }
  if (NOT_IN_MARIADB.has(number)) return undefined;
  if (!RENAMED_BY_MARIADB.has(number)) return found;
  return { charset, collation: collation.replace(/_ci$/, '_mysql561_ci') };
}

/** The number of a collation, 1 to 255; undefined where it has none of those. */
export function collationNumber(name: string, version: string): number | undefined {
  for (const number of byNumber.keys()) if (collationOf(number, version)?.collation === name) return number;
  return undefined;
}

/** Whether a client may speak it. */
export const isClientCharset = (charset: string): boolean => !NOT_FOR_CLIENTS.has(charset);

/** Whether each byte below 128 in a text is the ASCII character that it looks like. False for unknown sets. */
export function isAsciiSafe(charset: string): boolean {
  const known = Object.hasOwn(BY_CHARSET, charset) || charset === 'utf8';
  return known && !NOT_ASCII_SAFE.has(charset) && isClientCharset(charset);
}
