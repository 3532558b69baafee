import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Connection, createConnection } from 'mysql2/promise';
import { need } from '../../support/need.ts';
import { type ConnectionFacts, Stage } from '../../support/stage.ts';

for (const engine of ['mysql', 'mariadb'] as const) {
  describe(`drivers that ask ${engine} to ignore space`, {
    skip: need(engine === 'mysql' ? 'mysqld' : 'mariadbd'),
  }, () => {
    test('their sessions ignore space between a function and its arguments, and no others', async () => {
      await using stage = await Stage.start({ engine, proxy: { pool: { size: 1 } } });
      const primary = stage.cluster.nodes[0]?.id ?? '';
      assert.deepEqual(await history(stage.proxied), await history(stage.direct(primary)));
    });
  });
}

const TEXT = 'SELECT COUNT (*) AS n FROM (SELECT 1) AS one';

/** What sessions with and without the flag are told, in turn on what may be one link. */
async function history(facts: ConnectionFacts): Promise<unknown[]> {
  const asking = await createConnection({ ...facts });
  const plain = await createConnection({ ...facts, flags: ['-IGNORE_SPACE'] });
  const told = [await answer(asking), await answer(plain)];
  await asking.query("SET sql_mode = 'ANSI_QUOTES'");
  told.push(await answer(asking));
  const pinned = await createConnection({ ...facts });
  await pinned.query('SET @theirs = 1');
  await pinned.end();
  const next = await createConnection({ ...facts });
  told.push(await answer(next), await answer(plain));
  for (const connection of [asking, plain, next]) await connection.end();
  return told;
}

async function answer(connection: Connection): Promise<unknown> {
  try {
    const [rows] = await connection.query(TEXT);
    return rows;
  } catch (error) {
    return (error as { errno?: number }).errno;
  }
}
