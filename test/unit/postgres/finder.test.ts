import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type PostgresUnit, UnitFinder } from '../../../src/postgres/finder.ts';
import { message } from '../../../src/postgres/messages.ts';

const query = (text: string): Buffer => message('Q', `${text}\0`);
const parse = (text: string): Buffer => message('P', `\0${text}\0`, Buffer.alloc(2));
const bind = message('B', '\0\0', Buffer.alloc(6));
const execute = message('E', '\0', Buffer.alloc(4));
const sync = message('S');
const flush = message('H');
const copyData = (text: string): Buffer => message('d', text);
const copyDone = message('c');

const LIMIT = 1_000;

function all(finder: UnitFinder): PostgresUnit[] {
  const units: PostgresUnit[] = [];
  for (let unit = finder.next(); unit !== undefined; unit = finder.next()) units.push(unit);
  return units;
}

function found(bytes: Buffer, limit = LIMIT): PostgresUnit[] {
  const finder = new UnitFinder(limit);
  finder.push(bytes);
  return all(finder);
}

const shown = (units: readonly PostgresUnit[]): string[] =>
  units.map((unit) => `${unit.extent} ${unit.shape} ${unit.bytes.length}`);

describe('units of a PostgreSQL client', () => {
  test('a simple query is one unit', () => {
    assert.deepEqual(shown(found(query('SELECT 1'))), ['whole simple 14']);
  });

  test('an extended batch is one unit, up to its Sync', () => {
    const batch = Buffer.concat([parse('SELECT 1'), bind, execute, sync]);
    assert.deepEqual(shown(found(Buffer.concat([batch, batch]))), [
      `whole extended ${batch.length}`,
      `whole extended ${batch.length}`,
    ]);
  });

  test('a batch without its Sync is waited for', () => {
    assert.deepEqual(shown(found(Buffer.concat([parse('SELECT 1'), bind, execute]))), []);
  });

  test('a Flush sends the batch on at once, and its Sync ends it', () => {
    const units = found(Buffer.concat([parse('SELECT 1'), flush, bind, flush, execute, sync]));
    assert.deepEqual(
      units.map(({ extent }) => extent),
      ['open', 'part', 'last'],
    );
  });

  test('copy data is no unit of its own', () => {
    const units = found(Buffer.concat([copyData('1\n'), copyDone, query('SELECT 1')]));
    assert.deepEqual(
      units.map(({ extent }) => extent),
      ['data', 'data', 'whole'],
    );
  });

  test('copy data that arrive together leave together, however small they are cut', () => {
    const finder = new UnitFinder(LIMIT);
    const many = Buffer.concat(Array.from({ length: 50 }, () => copyData('1\n')));
    const cut = copyData('x'.repeat(100));
    finder.push(Buffer.concat([many, cut.subarray(0, 40)]));
    assert.deepEqual(shown(all(finder)), [`data data ${many.length + 40}`]);
    finder.push(Buffer.concat([cut.subarray(40), many, copyDone, query('SELECT 1')]));
    const rest = cut.length - 40 + many.length;
    assert.deepEqual(shown(all(finder)), [`data data ${rest}`, 'data data 5', 'whole simple 14']);
  });

  test('copy data that is sent along with its batch belongs to it', () => {
    const batch = Buffer.concat([parse('COPY t FROM STDIN'), bind, execute, copyData('1\n'), copyDone, sync]);
    assert.deepEqual(shown(found(batch)), [`whole extended ${batch.length}`]);
  });

  test('the Sync behind an extended copy belongs to the copy', () => {
    const finder = new UnitFinder(LIMIT);
    finder.copying(true);
    finder.push(Buffer.concat([copyData('1\n'), copyDone, sync, sync]));
    assert.deepEqual(
      all(finder).map(({ extent }) => extent),
      ['data', 'data', 'data', 'whole'],
    );
  });

  test('a query over the limit goes on in pieces', () => {
    const large = query('x'.repeat(5_000));
    const finder = new UnitFinder(LIMIT);
    const units: PostgresUnit[] = [];
    for (let at = 0; at < large.length; at += 700) {
      finder.push(large.subarray(at, at + 700));
      units.push(...all(finder));
    }
    assert.equal(units[0]?.extent, 'open');
    assert.equal(units.at(-1)?.extent, 'last');
    assert.deepEqual(Buffer.concat(units.map(({ bytes }) => bytes)), large);
  });

  test('a query between the messages of a batch is refused clearly', () => {
    assert.throws(() => found(Buffer.concat([parse('SELECT 1'), query('SELECT 2')])), {
      code: 'UNSUPPORTED',
    });
  });

  test('a length that cannot be is an error, not a wait', () => {
    assert.throws(() => found(Buffer.from([0x51, 0, 0, 0, 3])), { code: 'PROTOCOL' });
    assert.throws(() => found(Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff])), { code: 'PROTOCOL' });
    assert.throws(() => found(Buffer.from('GET / HTTP/1.1\r\n\r\n')), { code: 'PROTOCOL' });
  });

  const anyMessage = fc.oneof(
    fc.string({ maxLength: 60 }).map((text) => query(text.replaceAll('\0', ''))),
    fc
      .tuple(fc.boolean(), fc.string({ maxLength: 60 }))
      .map(([flushed, text]) =>
        Buffer.concat([parse(text.replaceAll('\0', '')), ...(flushed ? [flush] : []), bind, execute, sync]),
      ),
    fc.string({ maxLength: 2_000 }).map((text) => query(text.replaceAll('\0', ''))),
    fc.string({ maxLength: 2_000 }).map((text) => copyData(text)),
    fc.constant(sync),
  );

  test('however the bytes arrive, every byte comes out once and in order, and units keep their ends', () => {
    fc.assert(
      fc.property(
        fc.array(anyMessage, { minLength: 1, maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 }),
        (messages, cuts) => {
          const bytes = Buffer.concat(messages);
          const finder = new UnitFinder(LIMIT);
          const units: PostgresUnit[] = [];
          for (let at = 0, turn = 0; at < bytes.length; turn++) {
            const size = cuts[turn % cuts.length] ?? 1;
            finder.push(bytes.subarray(at, at + size));
            at += size;
            units.push(...all(finder));
          }
          assert.deepEqual(Buffer.concat(units.map((unit) => unit.bytes)), bytes);
          assert.equal(finder.buffered, 0);
          const ends = units.filter(({ extent }) => extent === 'whole' || extent === 'last').length;
          assert.equal(ends, messages.filter((one) => one[0] !== 0x64).length);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('random bytes end in an error or in waiting, never in a loop', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
        try {
          found(Buffer.from(bytes));
        } catch (error) {
          assert.ok(error instanceof Error);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
