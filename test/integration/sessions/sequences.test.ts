import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startProxied } from '../../support/proxied.ts';
import { asking, assertSame } from '../../support/sameness.ts';
import { shown, WireClient } from '../../support/wire-recorder.ts';

test('currval and lastval answer in the transaction of their nextval, and are refused where they could lie', async () => {
  await using proxied = await startProxied();
  await proxied.prepare(
    'CREATE TABLE ser (a serial, b text)',
    'GRANT ALL ON ser TO demo',
    'GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO demo',
  );
  await assertSame(
    proxied,
    asking('BEGIN', "INSERT INTO ser (b) VALUES ('x')", "SELECT lastval() = currval('ser_a_seq')", 'COMMIT'),
  );
  await using client = await WireClient.open(proxied.through);
  for (const text of ["SELECT currval('ser_a_seq')", 'SELECT 1; SELECT lastval()']) {
    const told = (await client.ask(text)).map(shown).join();
    assert.match(told, /C:0A000 M:this statement \(\w+\) asks for what an earlier one did/);
  }
});
