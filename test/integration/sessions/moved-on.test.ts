import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { becomes } from '../../support/becomes.ts';
import { Stage } from '../../support/stage.ts';
import { query, shown, WireClient } from '../../support/wire-recorder.ts';

let stage: Stage;
before(async () => {
  stage = await Stage.start({
    // With two of them the read would be sent to the other one, and lost again.
    cluster: { replicas: 1 },
    proxy: { routing: { functions: { allow: ['shy', 'fatal'] } } },
  });
  const { user } = stage.proxied;
  for (const statement of [
    'CREATE TABLE kept (a int)',
    `GRANT ALL ON kept TO ${user}`,
    // A replica refuses it, or loses the connection under it; the primary answers.
    `CREATE FUNCTION shy() RETURNS int STABLE LANGUAGE plpgsql AS
      'BEGIN IF pg_is_in_recovery() THEN RAISE read_only_sql_transaction; END IF; RETURN 7; END'`,
    `CREATE FUNCTION fatal() RETURNS int STABLE SECURITY DEFINER LANGUAGE plpgsql AS
      'BEGIN IF pg_is_in_recovery() THEN PERFORM pg_terminate_backend(pg_backend_pid()), pg_sleep(20); END IF;
       RETURN 8; END'`,
  ]) {
    await stage.cluster.query('pg-1', statement);
  }
});
after(() => stage.close());

/** What one client is told that sends a read, a write and a read at once, where the first read was sent twice. */
async function movedOn(read: string, because: RegExp): Promise<string[]> {
  let told: string[] = [];
  await becomes(`${read} runs at a replica first`, async () => {
    const from = stage.events.length;
    const client = await WireClient.open(stage.proxied);
    try {
      client.send(query(read), query('INSERT INTO kept VALUES (1)'), query('SELECT 2'));
      told = (await client.ready(3)).map(shown).filter((line) => /^[CDE]/.test(line));
    } finally {
      client.destroy();
    }
    return stage.events.slice(from).some((event) => event.kind === 'retried' && because.test(event.because));
  });
  return told;
}

const answers = (first: string): string[] => [
  `D ["${first}"]`,
  'C "SELECT 1\\u0000"',
  'C "INSERT 0 1\\u0000"',
  'D ["2"]',
  'C "SELECT 1\\u0000"',
];

test('a write that waits behind a read is carried out when a replica has refused the read', async () => {
  assert.deepEqual(await movedOn('SELECT shy()', /^25006$/), answers('7'));
});

test('a write that waits behind a read is carried out when the connection was lost under the read', async () => {
  assert.deepEqual(await movedOn('SELECT fatal()', /^link-lost$/), answers('8'));
});
