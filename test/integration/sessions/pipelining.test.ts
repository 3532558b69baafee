import { after, before, test } from 'node:test';
import { type Proxied, startProxied } from '../../support/proxied.ts';
import { assertSame } from '../../support/sameness.ts';
import {
  bind,
  close,
  describe,
  execute,
  flush,
  parse,
  query,
  run,
  sync,
} from '../../support/wire-recorder.ts';

let proxied: Proxied;
before(async () => {
  proxied = await startProxied();
  await proxied.prepare(
    'CREATE TABLE kv (k int, v text)',
    'GRANT ALL ON kv TO demo',
    "INSERT INTO kv SELECT g, 'v' || g FROM generate_series(1,10) g",
    'GRANT ALL ON SCHEMA public TO demo',
  );
});
after(() => proxied.close());

test('batches in flight are answered in order, errors in the middle skip to their Sync', () =>
  assertSame(proxied, async (client) => {
    client.send(
      ...[run('SELECT 1'), sync, run('SELECT 1/0'), run('SELECT 2'), sync, run('SELECT 3'), sync],
      ...[query('SELECT 4'), query('SELEKT'), run('BEGIN'), sync, run('SELECT 5'), sync],
      ...[run('SELECT 1/0'), sync, run('SELECT 6'), sync, run('ROLLBACK'), sync, run('SELECT 7'), sync],
    );
    await client.ready(11);
  }));

test('settings hold for what is in flight behind them', () =>
  assertSame(proxied, async (client) => {
    client.send(
      ...[query("SET TimeZone TO 'UTC'"), query('SHOW TimeZone'), query('BEGIN')],
      ...[
        query("SET TimeZone TO 'Asia/Tokyo'"),
        query('SHOW TimeZone'),
        query('ROLLBACK'),
        query('SHOW TimeZone'),
      ],
    );
    await client.ready(7);
  }));

test('writes in one batch are one transaction', () =>
  assertSame(proxied, async (client) => {
    client.send(run('CREATE TABLE pw (a int)'), sync, run('INSERT INTO pw VALUES (1)'));
    client.send(run('INSERT INTO pw VALUES (1/0)'), sync, run('SELECT count(*) FROM pw'), sync);
    client.send(run('DROP TABLE pw'), sync);
    await client.ready(4);
  }));

test('Flush brings answers before the Sync, and the unnamed statement stays', () =>
  assertSame(proxied, async (client) => {
    client.send(parse('', 'SELECT $1::int'), describe('S', ''), flush);
    await client.upTo('T');
    client.send(bind('', '', ['3']), execute(), flush);
    await client.upTo('C');
    client.send(sync);
    await client.ready();
    client.send(bind('', '', ['5']), execute(), sync);
    await client.ready();
  }));

test('named statements work with Flush, prepared before it or with it', () =>
  assertSame(proxied, async (client) => {
    client.send(parse('f', 'SELECT $1::int'), describe('S', 'f'), sync);
    await client.ready();
    client.send(bind('', 'f', ['5']), execute(), flush);
    await client.upTo('C');
    client.send(sync);
    await client.ready();
    client.send(bind('', 'f', ['6']), execute(), sync);
    await client.ready();
    client.send(close('S', 'f'), sync);
    await client.ready();
    client.send(parse('f', 'SELECT 1'), describe('S', 'f'), flush);
    await client.upTo('T');
    client.send(sync);
    await client.ready();
    client.send(bind('', 'f', []), execute(), close('S', 'f'), sync);
    await client.ready();
  }));
