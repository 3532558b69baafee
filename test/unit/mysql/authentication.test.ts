import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Accepted, FORWARD } from '../../../src/core/wire.ts';
import { reaccept } from '../../../src/mysql/accept.ts';
import { PLUGIN_AUTH } from '../../../src/mysql/capabilities.ts';
import type { MysqlLogin } from '../../../src/mysql/login.ts';
import { command } from '../../../src/mysql/messages.ts';
import { encrypted } from '../../../src/mysql/rsa.ts';
import { nativeAnswer, sha2Answer } from '../../../src/mysql/scrambles.ts';
import { CAPABILITIES, type Call, Caller, call, claim, gate, loginAs, PASSWORD } from './caller.ts';

const NATIVE = 'mysql_native_password';
const SHA2 = 'caching_sha2_password';

async function isIn(outcome: Promise<Accepted | Error>): Promise<MysqlLogin> {
  const accepted = await outcome;
  assert.ok('kind' in accepted && accepted.kind === 'session', String(accepted));
  return accepted.login as MysqlLogin;
}

/** Reads the request for another plugin; gives the plugin and its challenge. */
async function switched({ caller }: { caller: Caller }): Promise<{ plugin: string; challenge: Buffer }> {
  const payload = await caller.next();
  assert.equal(payload[0], 0xfe);
  const zero = payload.indexOf(0);
  assert.equal(payload.at(-1), 0);
  assert.equal(payload.length, zero + 22);
  return { plugin: payload.toString('latin1', 1, zero), challenge: payload.subarray(zero + 1, -1) };
}

/** Goes through full authentication by the proxy's key. */
async function byKey({ caller, greeting }: Call, password: string): Promise<void> {
  assert.deepEqual([...(await caller.next())], [1, 4]);
  caller.send(Buffer.from([2]));
  const shown = await caller.next();
  assert.equal(shown[0], 1);
  assert.match(
    shown.toString('latin1', 1),
    /^-----BEGIN PUBLIC KEY-----\n[\s\S]*-----END PUBLIC KEY-----\n$/,
  );
  caller.send(encrypted(password, shown.subarray(1), greeting.challenge));
}

test('the answers to a challenge are those of the manual', () => {
  const challenge = Buffer.from('0102030405060708090a0b0c0d0e0f1011121314', 'hex');
  // Of an implementation of their own: Python's hashlib.
  assert.equal(nativeAnswer('secret', challenge).toString('hex'), 'b32bb3a583e1340c0a1108d58b1be49781ad8c2f');
  assert.equal(
    sha2Answer('secret', challenge).toString('hex'),
    '746ebe205d56a0707acb3e796e834e0dd7b1d61743b26bd5202c7a623230c7c9',
  );
  assert.equal(nativeAnswer('', challenge).length, 0);
  assert.equal(sha2Answer('', challenge).length, 0);
});

// ---------------------------------------------------------------- caching_sha2_password

test('a right answer is enough, and is said to be so before the OK', async () => {
  const { caller, outcome } = await claim(gate());
  assert.deepEqual([...(await caller.next())], [1, 3]);
  assert.equal((await isIn(outcome)).user, 'app');
  assert.equal(caller.sequence, 2);
});

test('after another answer the password itself is asked for, by the key of the proxy', async () => {
  const made = await claim(gate(), { answer: Buffer.alloc(32, 1) });
  await byKey(made, PASSWORD);
  await isIn(made.outcome);
});

test('a password that is wrong, encrypted by another key, or not encrypted is refused', async () => {
  const wrong = await claim(gate(), { answer: Buffer.alloc(32, 1) });
  await byKey(wrong, 'wrong');
  assert.equal((await wrong.caller.refusal()).code, 1045);
  for (const sent of [Buffer.alloc(256, 1), Buffer.from(`${PASSWORD}\0`), Buffer.alloc(0)]) {
    const { caller } = await claim(gate(), { answer: Buffer.alloc(32, 1) });
    await caller.next();
    caller.send(sent);
    assert.equal((await caller.refusal()).code, 1045);
  }
});

test('who has no password sends none, or its zero byte', async () => {
  for (const answer of [Buffer.alloc(0), Buffer.from([0])]) {
    const { caller, outcome } = await claim(gate(), { user: 'open', answer });
    await isIn(outcome);
    // The OK is the greeter's: nothing stands between the greeting and it.
    assert.equal(caller.unread, 0);
  }
});

test('an empty password lets nobody else in', async () => {
  for (const user of ['app', 'nobody']) {
    const { caller } = await claim(gate(), { user, answer: Buffer.alloc(0) });
    assert.deepEqual(await caller.refusal(), {
      code: 1045,
      state: '28000',
      message: `Access denied for user '${user}'@'192.0.2.1' (using password: NO)`,
    });
  }
});

test('an unknown user is asked and refused as one with a wrong password', async () => {
  const conversation = async (user: string): Promise<unknown[]> => {
    const made = await claim(gate(), { user, answer: Buffer.alloc(32, 1) });
    await byKey(made, 'wrong');
    const { code, state, message } = await made.caller.refusal();
    return [code, state, message.replace(user, 'X'), made.caller.sequence];
  };
  assert.deepEqual(await conversation('nobody'), await conversation('app'));
});

// ---------------------------------------------------------------- the other methods

const native = gate({ method: NATIVE, version: () => Promise.resolve('10.11.19-MariaDB') });

for (const [user, password, right] of [
  ['app', PASSWORD, true],
  ['open', '', true],
  ['app', 'wrong', false],
  ['app', '', false],
  ['nobody', PASSWORD, false],
  ['nobody', '', false],
] as const) {
  const what = `${user} with ${password === '' ? 'no password' : `the password ${password}`}`;
  test(`mysql_native_password ${right ? 'lets in' : 'refuses'} ${what}`, async () => {
    // Who names no plugin knows the native one only, and has answered by it at once.
    for (const plugin of ['', NATIVE]) {
      const { caller, greeting, outcome } = await call(native);
      assert.equal(greeting.plugin, NATIVE);
      caller.send(loginAs({ user, plugin, answer: nativeAnswer(password, greeting.challenge) }));
      if (right) await isIn(outcome);
      else assert.equal((await caller.refusal()).code, 1045);
    }
  });
}

test('a client that begins with another plugin is asked for the one that is configured', async () => {
  const made = await claim(gate(), { plugin: NATIVE, answer: Buffer.alloc(20, 1) });
  const { plugin, challenge } = await switched(made);
  assert.equal(plugin, SHA2);
  assert.notDeepEqual(challenge, made.greeting.challenge);
  made.caller.send(sha2Answer(PASSWORD, challenge));
  assert.deepEqual([...(await made.caller.next())], [1, 3]);
  await isIn(made.outcome);
});

test('the answer to the challenge of the greeting is not an answer to a later one', async () => {
  const made = await claim(gate({ method: NATIVE }), { plugin: SHA2 });
  await switched(made);
  made.caller.send(nativeAnswer(PASSWORD, made.greeting.challenge));
  assert.equal((await made.caller.refusal()).code, 1045);
});

test('a client that cannot change its plugin is told that it is too old', async () => {
  const capabilities = CAPABILITIES & ~PLUGIN_AUTH;
  const { caller } = await claim(gate(), { capabilities, answer: Buffer.alloc(20, 1) });
  const { code, state, message } = await caller.refusal();
  assert.deepEqual([code, state], [1251, '08004']);
  assert.match(message, /caching_sha2_password/);
});

test('trust lets in every known user, whatever the client sends along', async () => {
  const trusting = gate({ method: 'trust' });
  const { caller, outcome } = await claim(trusting, { answer: Buffer.alloc(32) });
  assert.deepEqual([...(await caller.next())], [1, 3]);
  await isIn(outcome);
  await isIn((await claim(trusting, { plugin: NATIVE, answer: Buffer.alloc(20) })).outcome);
  const stranger = await claim(trusting, { user: 'nobody' });
  assert.equal((await stranger.caller.refusal()).code, 1045);
});

test('passwords in clear text are not asked for over a plain connection', async () => {
  const { caller } = await claim(gate({ method: 'mysql_clear_password' }));
  assert.equal((await caller.refusal()).code, 3159);
});

// ---------------------------------------------------------------- COM_CHANGE_USER

interface Change {
  readonly user: string;
  readonly answer?: Buffer;
  readonly rest?: string;
}

/** A session of `app` that changes its user. */
async function change(how: Change, given = gate()): Promise<Pick<Call, 'caller' | 'outcome'>> {
  const first = await claim(given);
  const login = await isIn(first.outcome);
  const { user, answer = Buffer.alloc(0), rest = 'd2\0' } = how;
  const bytes = command(0x11, `${user}\0`, Buffer.from([answer.length]), answer, rest);
  const caller = new Caller();
  caller.sequence = 0;
  const old: MysqlLogin = { ...login, channel: caller.channel };
  const unit = { bytes, extent: 'relogin', expect: FORWARD } as const;
  return { caller, outcome: reaccept(old, unit, given).catch((error: Error) => error) };
}

test('a change of user is asked for anew, and is a log-in of its own', async () => {
  const made = await change({ user: 'app', answer: Buffer.alloc(20, 1), rest: `d2\0\x08\0${NATIVE}\0` });
  const { plugin, challenge } = await switched(made);
  assert.deepEqual([plugin, made.caller.sequence], [SHA2, 1]);
  made.caller.send(sha2Answer(PASSWORD, challenge));
  assert.deepEqual([...(await made.caller.next())], [1, 3]);
  const { id, user, database, settings } = await isIn(made.outcome);
  assert.deepEqual([id, user, database], [7, 'app', 'd2']);
  assert.equal(settings.values.get(':schema'), 'd2');
  assert.equal(settings.values.get('character_set_client'), 'latin1');
});

test('a change of user without a character set keeps the one of the session', async () => {
  const made = await change({ user: 'open' });
  await switched(made);
  made.caller.send(Buffer.alloc(0));
  const { settings } = await isIn(made.outcome);
  assert.equal(settings.values.get('collation_connection'), 'utf8mb4_general_ci');
});

test('a change to an unknown user ends the connection', async () => {
  const made = await change({ user: 'nobody' });
  await switched(made);
  made.caller.send(Buffer.alloc(0));
  assert.equal((await made.caller.refusal()).code, 1045);
});

test('a client without plugins answers the challenge of the greeting again', async () => {
  const given = gate({ method: NATIVE });
  const first = await claim(given, { plugin: SHA2 });
  first.caller.send(nativeAnswer(PASSWORD, (await switched(first)).challenge));
  const login = await isIn(first.outcome);
  for (const [password, right] of [
    [PASSWORD, true],
    ['wrong', false],
  ] as const) {
    const caller = new Caller();
    caller.sequence = 0;
    const capabilities = login.capabilities & ~PLUGIN_AUTH;
    const answer = nativeAnswer(password, first.greeting.challenge);
    const bytes = command(0x11, 'app\0', Buffer.from([answer.length]), answer, '\0');
    const unit = { bytes, extent: 'relogin', expect: FORWARD } as const;
    const old: MysqlLogin = { ...login, capabilities, channel: caller.channel };
    const outcome = reaccept(old, unit, given);
    if (right) await isIn(outcome);
    else await assert.rejects(outcome, { code: 'AUTH_FAILED' });
  }
});
