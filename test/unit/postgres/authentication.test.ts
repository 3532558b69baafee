import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accept } from '../../../src/postgres/accept.ts';
import { md5Answer, md5Hash } from '../../../src/postgres/md5.ts';
import { int32, message } from '../../../src/postgres/messages.ts';
import { deriveKeys, SCRAM, ScramClient } from '../../../src/postgres/scram.ts';
import { MemoryChannel, messagesOf } from '../../support/memory-channel.ts';
import { code, gate, outcome, refusalIn, refusalOf, startup, user } from '../../support/start-up.ts';

/** Plays a SCRAM client; gives what came after its last word. */
async function scramClient(
  channel: MemoryChannel,
  password: string,
): Promise<{ type: string; body: Buffer }[]> {
  const request = await nextOf(channel, 0);
  const offered = request.body.toString('latin1', 4).split('\0').filter(Boolean);
  const client = new ScramClient(offered, 'nonce', undefined);
  channel.push(message('p', `${SCRAM}\0`, int32(client.first.length), client.first));
  const salt = client.challenged((await nextOf(channel, 1)).body.toString('utf8', 4));
  channel.push(message('p', client.final(await deriveKeys(password, salt))));
  await nextOf(channel, 2);
  return messagesOf(channel.written).slice(2);
}

async function nextOf(channel: MemoryChannel, index: number): Promise<{ type: string; body: Buffer }> {
  for (;;) {
    const one = messagesOf(channel.written)[index];
    if (one !== undefined) return one;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('the right password comes in by SCRAM', async () => {
  const channel = new MemoryChannel();
  channel.push(startup(user));
  const accepted = accept(channel, gate);
  const [final, ok] = await scramClient(channel, 'secret');
  assert.equal(final?.body.readUInt32BE(0), 12);
  assert.equal(ok?.body.readUInt32BE(0), 0);
  assert.equal((await accepted).kind, 'session');
});

test('a wrong password, an unknown user and an empty password look alike', async () => {
  const refusals: string[] = [];
  for (const [name, method, secret, given] of [
    ['app', 'scram-sha-256', 'secret', 'wrong'],
    ['nobody', 'scram-sha-256', undefined, 'secret'],
    ['blank', 'scram-sha-256', '', ''],
  ] as const) {
    const channel = new MemoryChannel();
    channel.push(startup(`user\0${name}\0`));
    const refused = assert.rejects(
      accept(channel, { ...gate, method, credential: () => secret }),
      code('AUTH_FAILED'),
    );
    await scramClient(channel, given);
    await refused;
    assert.ok(channel.closed);
    assert.deepEqual(
      messagesOf(channel.written).map(({ type }) => type),
      ['R', 'R', 'E'],
    );
    refusals.push(refusalIn(channel).replace(name, '?'));
  }
  assert.equal(new Set(refusals).size, 1);
  assert.match(refusals[0] ?? '', /^C28P01 Mpassword authentication failed for user "\?"$/);
});

test('md5 takes passwords and stored hashes, and nothing else', async () => {
  for (const [method, secret, given, right] of [
    ['md5', 'secret', 'secret', true],
    ['md5', md5Hash('app', 'secret'), 'secret', true],
    ['scram-sha-256', md5Hash('app', 'secret'), 'secret', true],
    ['md5', 'secret', 'wrong', false],
    ['md5', undefined, 'secret', false],
  ] as const) {
    const channel = new MemoryChannel();
    channel.push(startup(user));
    const accepted = accept(channel, { ...gate, method, credential: () => secret });
    const { body } = await nextOf(channel, 0);
    assert.equal(body.readUInt32BE(0), 5);
    channel.push(message('p', `${md5Answer('app', given, body.subarray(4))}\0`));
    if (right) assert.equal((await accepted).kind, 'session');
    else await assert.rejects(accepted, code('AUTH_FAILED'));
  }
});

test('trust lets in whom the gate knows', async () => {
  assert.equal((await outcome(startup(user), { ...gate, method: 'trust' })).accepted.kind, 'session');
  assert.match(await refusalOf(startup('user\0nobody\0'), { ...gate, method: 'trust' }), /^C28P01 /);
});

test('a message other than an answer is refused', async () => {
  assert.match(
    await refusalOf(Buffer.concat([startup(user), message('Q', 'SELECT 1\0')]), gate),
    /^C08P01 .*0x51/,
  );
  assert.match(
    await refusalOf(Buffer.concat([startup(user), Buffer.from('p\x7f\xff\xff\xff', 'latin1')]), gate),
    /^C08P01 .*claims 2147483647/,
  );
  assert.match(await refusalOf(Buffer.concat([startup(user), message('p', 'junk')]), gate), /^C08P01 /);
});
