import { after, before, test } from 'node:test';
import { type Proxied, startProxied } from '../../support/proxied.ts';
import { asking, assertSame, batches } from '../../support/sameness.ts';
import { copyData, copyDone, copyFail, flush, query, run, sync } from '../../support/wire-recorder.ts';

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

test('COPY in simple queries: in, out, refused data, CopyFail', () =>
  assertSame(proxied, async (client) => {
    const copy = async (...data: Buffer[]): Promise<void> => {
      client.send(query('COPY ci FROM STDIN'));
      await client.upTo('G');
      client.send(...data);
      await client.ready();
    };
    await client.ask('CREATE TABLE ci (a int, b text)');
    await copy(copyData('1\tx\n2\ty\n'), copyData('3\tz\n'), copyDone);
    await copy(copyData('9\tx\n'), copyFail('no more'));
    await copy(copyData('bad\tx\n'), copyDone);
    await asking(
      'COPY ci TO STDOUT',
      'COPY (SELECT 1) TO STDOUT',
      'COPY (SELECT 1) TO STDOUT; SELECT 1',
    )(client);
    client.send(query('COPY ci FROM STDIN'), copyData('8\tx\n'), copyDone, query('SELECT count(*) FROM ci'));
    await client.ready(2);
    client.send(
      query('COPY nope FROM STDIN'),
      copyData('8\tx\n'),
      copyDone,
      query('SELECT count(*) FROM ci'),
    );
    await client.ready(2);
    client.send(query('COPY ci FROM STDIN; COPY ci FROM STDIN; SELECT count(*) FROM ci'));
    await client.upTo('G');
    client.send(copyData('1\tx\n'), copyDone);
    await client.upTo('G');
    client.send(copyData('2\ty\n'), copyDone);
    await client.ready();
    await client.ask('DROP TABLE ci');
  }));

test('COPY in extended batches: in, out, refused data, CopyFail, Flush', () =>
  assertSame(proxied, async (client) => {
    const copy = async (...data: Buffer[]): Promise<void> => {
      client.send(run('COPY ce FROM STDIN'), sync);
      await client.upTo('G');
      client.send(...data, sync);
      await client.ready();
    };
    await client.ask('CREATE TABLE ce (a int, b text)');
    await copy(copyData('4\tq\n'), copyDone);
    await copy(copyData('bad\tq\n'), copyData('bad\tq\n'), copyDone);
    await copy(copyFail('x'));
    await batches([run('COPY ce TO STDOUT')])(client);
    client.send(run('COPY ce FROM STDIN'), flush);
    await client.upTo('G');
    client.send(copyData('5\tq\n'), copyDone, sync);
    await client.ready();
    await asking('SELECT count(*) FROM ce', 'DROP TABLE ce')(client);
  }));
