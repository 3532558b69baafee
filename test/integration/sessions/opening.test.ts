import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { FORWARD } from '../../../src/core/wire.ts';
import { PostgresUnit } from '../../../src/postgres/finder.ts';
import { behindBegin } from '../../../src/postgres/opening.ts';
import { type Proxied, startProxied } from '../../support/proxied.ts';
import { assertSame } from '../../support/sameness.ts';
import { parse, query, run, shown, sync, WireClient } from '../../support/wire-recorder.ts';

let proxied: Proxied;
before(async () => {
  proxied = await startProxied();
  await proxied.prepare('CREATE TABLE opened (a int PRIMARY KEY)', 'GRANT ALL ON opened TO demo');
});
after(() => proxied.close());

test('transactions are as direct ones are, whatever their first statement is', () =>
  assertSame(proxied, async (client) => {
    for (const first of [
      [query('SELECT 1')],
      [query('SELECT 1; SELECT 2')],
      [query('')],
      [query('SELEKT')],
      [query('SELECT 1/0')],
      [query('INSERT INTO opened VALUES (1)')],
      [query('COMMIT')],
      [query('SELECT 1; COMMIT; SELECT 2')],
      [query('SET LOCAL TimeZone TO UTC')],
      [query('SHOW TimeZone')],
      [query('SAVEPOINT a')],
      [run('SELECT 1'), sync],
      [run('SELECT 1/0'), run('SELECT 2'), sync],
      [parse('named', 'SELECT 3'), sync],
      [sync],
    ]) {
      for (const begin of [[query('BEGIN')], [run('BEGIN'), sync], [query('BEGIN READ ONLY;')]]) {
        client.send(...begin);
        await client.ready();
        client.send(...first);
        await client.ready();
        await client.ask('SELECT count(*) FROM opened');
        await client.ask('ROLLBACK');
        await client.ask('DEALLOCATE ALL');
      }
    }
  }));

test('behind a BEGIN that fails the server carries nothing out', async () => {
  // A standby refuses to begin a transaction that may write.
  const [, replica] = proxied.cluster.nodes;
  const { user, password, database } = proxied.cluster.credentials.client;
  await using client = await WireClient.open({
    host: '127.0.0.1',
    port: replica?.port ?? 0,
    user,
    password,
    database,
  });
  const unit = new PostgresUnit('whole', 'simple', query("SELECT set_config('work_mem', '77kB', false)"));
  client.send(
    behindBegin(Buffer.from('BEGIN READ WRITE'), unit, { bytes: unit.bytes, expect: FORWARD }).bytes,
  );
  const error = await client.upTo('E');
  assert.match(shown(error.at(-1) ?? { type: '', body: Buffer.alloc(0) }), /0A000/);
  client.send(sync);
  assert.deepEqual(
    (await client.ready()).map(({ type }) => type),
    ['Z'],
  );
  assert.notDeepEqual(await client.rows('SHOW work_mem'), [['77kB']]);
});
