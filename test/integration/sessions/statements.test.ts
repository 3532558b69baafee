import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Proxied, startProxied } from '../../support/proxied.ts';
import { assertSame, batches } from '../../support/sameness.ts';
import {
  bind,
  close,
  describe,
  execute,
  parse,
  run,
  shown,
  sync,
  WireClient,
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

test('named statements are prepared, described, run, closed and refused as on one connection', () =>
  assertSame(
    proxied,
    batches(
      [parse('a', 'SELECT $1::int + 1')],
      [describe('S', 'a')],
      [bind('', 'a', ['4']), execute()],
      [parse('a', 'SELECT 2')],
      [parse('a', 'SELECT $1::int + 1')],
      [bind('', 'a', ['5']), describe('P', ''), execute()],
      [close('S', 'a')],
      [bind('', 'a', ['5']), execute()],
      [close('S', 'none')],
      [parse('a', 'SELEKT')],
      [bind('', 'a', []), execute()],
      [parse('a', 'SELECT 3')],
      [bind('p', 'a'), execute('p')],
      [bind('', 'nope'), execute()],
    ),
  ));

test('an error in a batch leaves the names that a server would have', () =>
  assertSame(
    proxied,
    batches(
      [parse('a', 'SELECT 1'), parse('b', 'SELEKT'), parse('c', 'SELECT 1')],
      [bind('', 'a'), execute()],
      [bind('', 'b'), execute()],
      [bind('', 'c'), execute()],
      [parse('a', 'SELECT 1/0'), bind('', 'a'), execute()],
      [close('S', 'a'), parse('a', 'SELECT 1/$1::int'), bind('', 'a', ['0']), execute()],
      [bind('', 'a', ['1']), execute()],
    ),
  ));

test('the unnamed statement lives across Sync', () =>
  assertSame(
    proxied,
    batches(
      [parse('', 'SELECT $1::int * 2')],
      [bind('', '', ['4']), execute()],
      [describe('S', '')],
      [bind('', '', ['5']), execute(), parse('', 'SELECT 7')],
      [bind('', ''), execute()],
      [close('S', '')],
      [bind('', ''), execute()],
    ),
  ));

test('a session without an unnamed statement never gets that of another', async () => {
  await assertSame(proxied, batches([bind('', ''), execute()], [describe('S', '')]));
  await assertSame(proxied, async (client) => {
    client.send(parse('', 'SELECT 7'), sync);
    await client.ready();
    await client.ask('SELECT 1');
    client.send(bind('', ''), execute(), sync);
    await client.ready();
  });
});

test("DEALLOCATE and DISCARD ALL take this session's names only", () =>
  assertSame(proxied, async (client) => {
    await batches([parse('a', 'SELECT 1')])(client);
    await client.ask('DEALLOCATE a');
    await batches(
      [bind('', 'a'), execute()],
      [parse('a', 'SELECT 1')],
      [run('DEALLOCATE a')],
      [bind('', 'a'), execute()],
      [parse('a', 'SELECT 1'), parse('b', 'SELECT 2')],
    )(client);
    await client.ask('DEALLOCATE ALL');
    await batches([bind('', 'a'), execute()], [parse('a', 'SELECT 1')])(client);
    await client.ask('DISCARD ALL');
    await batches([bind('', 'a'), execute()])(client);
    await client.ask('DEALLOCATE nope');
  }));

test('SQL PREPARE and EXECUTE work, for Bind too', () =>
  assertSame(proxied, async (client) => {
    await client.ask('PREPARE q (int) AS SELECT $1 + 1');
    await client.ask('EXECUTE q(2)');
    await batches([bind('', 'q', ['3']), execute()])(client);
    await client.ask('PREPARE q AS SELECT 1');
    await client.ask('DEALLOCATE q');
    await client.ask('EXECUTE q(2)');
  }));

test('constants of a shared statement are read by the settings of the session that runs it', async () => {
  const text = "SELECT '01/02/2024'::date, '2024-01-02 10:00'::timestamptz";
  const runs = [[parse('d', text)], [bind('', 'd'), execute()]] as const;
  await assertSame(
    proxied,
    batches([run("SET DateStyle TO 'ISO, DMY'")], [run("SET TimeZone TO 'Asia/Tokyo'")], ...runs),
  );
  await assertSame(proxied, batches(...runs));
  const inside = [
    [run('BEGIN')],
    [run("SET LOCAL DateStyle TO 'ISO, DMY'"), parse('e', `${text}, 1`)],
  ] as const;
  await assertSame(proxied, batches(...inside, [bind('', 'e'), execute()], [run('COMMIT')]));
  await assertSame(
    proxied,
    batches([run('BEGIN')], [parse('e', `${text}, 1`)], [bind('', 'e'), execute()], [run('COMMIT')]),
  );
});

test('two sessions that take turns on a link keep their own unnamed statements', async () => {
  await using first = await WireClient.open(proxied.through);
  await using second = await WireClient.open(proxied.through);
  const told = async (client: WireClient, ...messages: Buffer[]): Promise<string> => {
    client.send(...messages, sync);
    return (await client.ready()).map(shown).join(' ');
  };
  await told(first, parse('', "SELECT 'first'"));
  await told(second, parse('', "SELECT 'second'"));
  assert.match(await told(first, bind('', ''), execute()), /D \["first"\]/);
  assert.match(await told(second, bind('', ''), execute()), /D \["second"\]/);
});
