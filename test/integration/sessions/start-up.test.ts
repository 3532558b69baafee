import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Proxied, startProxied } from '../../support/proxied.ts';
import { asking, assertNothingLeft, Neighbours } from '../../support/sameness.ts';
import { type Door, shown, WireClient } from '../../support/wire-recorder.ts';

let proxied: Proxied;
before(async () => {
  proxied = await startProxied();
});
after(() => proxied.close());

const ASKED = {
  TimeZone: 'Europe/Paris',
  DateStyle: 'sql, dmy',
  client_encoding: 'latin1',
  application_name: 'me',
  options: '-c work_mem=5MB -c app.tenant=mine',
};

/** The last value told of each parameter. */
function parameters(client: WireClient): Record<string, string> {
  const told: Record<string, string> = {};
  for (const { type, body } of [...client.greeting, ...client.told]) {
    const [name = '', value = ''] = body.toString().split('\0');
    if (type === 'S') told[name] = value;
  }
  return told;
}

/** All answers but the parameters, which may be told again, and what is known of those at the end. */
async function lived(door: Door, asked: Readonly<Record<string, string>>, texts: readonly string[]) {
  await using client = await WireClient.open(door, asked);
  await asking(...texts)(client);
  const answers = client.told.filter(({ type }) => type !== 'S').map(shown);
  return { answers, parameters: parameters(client) };
}

async function assertAlike(asked: Readonly<Record<string, string>>, ...texts: string[]): Promise<void> {
  const direct = await lived(proxied.direct, asked, texts);
  const neighbours = await Neighbours.move(proxied.through);
  const through = await lived(proxied.through, asked, texts);
  await neighbours.leave();
  assert.deepEqual(through, direct);
  await assertNothingLeft(proxied);
}

test('a session without wishes is told the parameters of the server', () => assertAlike({}, 'SELECT 1'));

test('settings asked for at start-up are told, and hold', () =>
  assertAlike(
    ASKED,
    'SHOW TimeZone',
    'SHOW work_mem',
    'SHOW app.tenant',
    'SHOW application_name',
    "SELECT date '2024-12-31'",
  ));

test('RESET, SET … TO DEFAULT, RESET ALL and DISCARD ALL bring back what was asked for at start-up', () =>
  assertAlike(
    ASKED,
    ...["SET TimeZone TO 'UTC'", 'RESET TimeZone', 'SHOW TimeZone'],
    ...['SET work_mem TO 100', 'SET work_mem TO DEFAULT', 'SHOW work_mem'],
    ...["SET TimeZone TO 'UTC'", 'RESET ALL', 'SHOW TimeZone', 'SHOW work_mem', 'SHOW app.tenant'],
    ...["SET TimeZone TO 'UTC'", 'DISCARD ALL', 'SHOW TimeZone', 'SHOW application_name'],
    ...[
      'BEGIN',
      'RESET TimeZone',
      'SHOW TimeZone',
      'ROLLBACK',
      'SHOW TimeZone',
      "SET TimeZone TO 'Asia/Tokyo'",
    ],
  ));

test('a wrong setting or database is refused at start-up in the words of the server', async () => {
  const refusal = async (door: Door, asked = {}): Promise<string> => {
    try {
      await using client = await WireClient.open(door, asked);
      return client.door.user;
    } catch (error) {
      return /C:(\w+)/.exec(String(error))?.[1] ?? String(error);
    }
  };
  for (const asked of [{ TimeZone: 'Nowhere' }, { nonsense: '1' }, { options: '-c work_mem=x' }]) {
    assert.equal(await refusal(proxied.through, asked), await refusal(proxied.direct, asked));
  }
  const elsewhere = { database: 'nowhere' };
  assert.equal(
    await refusal({ ...proxied.through, ...elsewhere }),
    await refusal({ ...proxied.direct, ...elsewhere }),
  );
});
