import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settingsOf } from '../../../src/core/settings.ts';
import type { Greeting, Login } from '../../../src/core/wire.ts';
import { greet, sessionParameters } from '../../../src/postgres/greet.ts';
import { MemoryChannel, messagesOf } from '../../support/memory-channel.ts';

const greeting: Greeting = {
  parameters: new Map([
    ['in_hot_standby', 'on'],
    ['default_transaction_read_only', 'on'],
    ['server_version', '18.4'],
    ['client_encoding', 'SQL_ASCII'],
    ['DateStyle', 'ISO, MDY'],
    ['TimeZone', 'Etc/UTC'],
    ['application_name', 'pointsman'],
    ['session_authorization', 'app'],
  ]),
};

const told = (settings: Record<string, string>): Record<string, string> => {
  const login: Login = {
    channel: new MemoryChannel(),
    user: 'app',
    database: 'app',
    links: { database: 'app', options: '' },
    settings: settingsOf(Object.entries(settings)),
    replication: false,
    secretLength: 4,
  };
  return Object.fromEntries(sessionParameters(login, greeting));
};

test('a client is told its own settings, and nothing that flickers with the node', () => {
  assert.deepEqual(told({}), {
    in_hot_standby: 'off',
    default_transaction_read_only: 'off',
    server_version: '18.4',
    client_encoding: 'SQL_ASCII',
    DateStyle: 'ISO, MDY',
    TimeZone: 'Etc/UTC',
    application_name: '',
    session_authorization: 'app',
  });
  const asked = told({
    client_encoding: 'utf-8',
    datestyle: 'German',
    application_name: 'Größe',
    timezone: 'CET',
  });
  assert.equal(asked['client_encoding'], 'UTF8');
  assert.equal(asked['DateStyle'], 'German, DMY');
  assert.equal(asked['application_name'], 'Gr\\xc3\\xb6\\xc3\\x9fe');
  assert.equal(asked['TimeZone'], 'CET');
});

test('the words of settings are those of the server', () => {
  for (const [asked, expected] of [
    ['latin1', 'LATIN1'],
    ['Unicode', 'UTF8'],
    ['win1252', 'WIN1252'],
    ['windows-1252', 'WIN1252'],
    ['ISO_8859-15', 'LATIN9'],
    ['iso_8859_5', 'ISO_8859_5'],
    ['shift_jis', 'SJIS'],
    ['EUC-JP', 'EUC_JP'],
    ['sql_ascii', 'SQL_ASCII'],
  ] as const) {
    assert.equal(told({ client_encoding: asked })['client_encoding'], expected, asked);
  }
  for (const [asked, expected] of [
    ['iso', 'ISO, MDY'],
    ['SQL, DMY', 'SQL, DMY'],
    ['postgres', 'Postgres, MDY'],
    ['european', 'ISO, DMY'],
    ['ymd', 'ISO, YMD'],
    ['ymd,german', 'German, YMD'],
  ] as const) {
    assert.equal(told({ datestyle: asked })['DateStyle'], expected, asked);
  }
});

test('greeting ends start-up: parameters, the cancel key, ready', () => {
  const channel = new MemoryChannel();
  const login: Login = {
    channel,
    user: 'app',
    database: 'app',
    links: { database: 'app', options: '' },
    settings: settingsOf([]),
    replication: false,
    secretLength: 32,
  };
  greet(login, greeting, { id: 0x80000001, secret: Buffer.alloc(32, 9) });
  const messages = messagesOf(channel.written);
  assert.equal(messages.filter(({ type }) => type === 'S').length, 8);
  assert.deepEqual(messages.slice(8), [
    { type: 'K', body: Buffer.concat([Buffer.from([0x80, 0, 0, 1]), Buffer.alloc(32, 9)]) },
    { type: 'Z', body: Buffer.from('I') },
  ]);
});

test('sessions that are greeted alike are told the same, and one of another user or settings is not', () => {
  const statuses = (user: string, settings: Record<string, string>): string[] => {
    const channel = new MemoryChannel();
    const login: Login = {
      ...{ channel, user, database: 'app', links: { database: 'app', options: '' } },
      ...{ settings: settingsOf(Object.entries(settings)), replication: false, secretLength: 4 },
    };
    greet(login, greeting, { id: 7, secret: Buffer.from('0123') });
    return messagesOf(channel.written).map(({ type, body }) => `${type} ${body.toString('latin1')}`);
  };
  const first = statuses('app', {});
  assert.deepEqual(statuses('app', {}), first);
  assert.ok(first.includes('S session_authorization\0app\0'));
  assert.ok(statuses('other', {}).includes('S session_authorization\0other\0'));
  assert.ok(statuses('other', { datestyle: 'German' }).includes('S DateStyle\0German, DMY\0'));
  assert.deepEqual(statuses('app', {}), first);
});
