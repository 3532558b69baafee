import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProxyError } from '../../../src/core/errors.ts';
import { isMd5Hash, md5Answer, md5Hash } from '../../../src/postgres/md5.ts';
import { saslprep } from '../../../src/postgres/saslprep.ts';
import {
  deriveKeys,
  parseVerifier,
  SCRAM,
  SCRAM_PLUS,
  ScramClient,
  ScramServer,
} from '../../../src/postgres/scram.ts';
import { challengeOf, KeyCache } from '../../../src/postgres/scram-keys.ts';

const code = (expected: string) => (error: unknown) => error instanceof ProxyError && error.code === expected;

/** RFC 7677, section 3. */
const rfc = {
  clientNonce: 'rOprNGfwEbeRWgbNEkqO',
  serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  salt: { salt: Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'), iterations: 4096 },
  clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
  serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  clientFinal:
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
};

const verifierOf = async (password: string, salt = rfc.salt) => ({
  ...salt,
  ...(await deriveKeys(password, salt)),
});

test('the server half gives the messages of RFC 7677', async () => {
  const server = new ScramServer(rfc.salt, rfc.serverNonce, undefined);
  assert.deepEqual(server.mechanisms, [SCRAM]);
  assert.equal(server.first(SCRAM, rfc.clientFirst), rfc.serverFirst);
  assert.equal(server.final(rfc.clientFinal, await verifierOf('pencil')), rfc.serverFinal);
});

test('the client half gives the messages of RFC 7677', async () => {
  const client = new ScramClient([SCRAM], rfc.clientNonce, undefined, 'user');
  assert.equal(client.first, rfc.clientFirst);
  const salt = client.challenged(rfc.serverFirst);
  assert.equal(client.final(await deriveKeys('pencil', salt)), rfc.clientFinal);
  client.verify(rfc.serverFinal);
});

test('a wrong password is no error of the protocol: it gives no final message', async () => {
  const server = new ScramServer(rfc.salt, rfc.serverNonce, undefined);
  server.first(SCRAM, rfc.clientFirst);
  assert.equal(server.final(rfc.clientFinal, await verifierOf('Pencil')), undefined);
});

test('a server that cannot prove that it knows the password is not trusted', async () => {
  for (const said of ['v=AAAA', `${rfc.serverFinal.slice(0, -3)}A=`, '', 'e=other-error']) {
    const client = new ScramClient([SCRAM], rfc.clientNonce, undefined, 'user');
    client.final(await deriveKeys('pencil', client.challenged(rfc.serverFirst)));
    assert.throws(() => client.verify(said), code('AUTH_FAILED'), said);
  }
  const early = new ScramClient([SCRAM], rfc.clientNonce, undefined);
  assert.throws(() => early.verify('v='), code('AUTH_FAILED'));
});

test('a client refuses a nonce that is not its own, or as short, and absurd iterations', () => {
  const client = new ScramClient([SCRAM], 'abc', undefined);
  for (const first of [
    'r=xyz123,s=AAAA,i=4096',
    'r=abc,s=AAAA,i=4096',
    'r=abcd,s=AAAA,i=0',
    'r=abcd,s=AAAA,i=100000000',
    'r=abcd,s=AAAA',
    'm=x,r=abcd,s=AAAA,i=4096',
  ]) {
    assert.throws(() => client.challenged(first), code('PROTOCOL'), first);
  }
});

async function exchange(serverBinding?: Buffer, clientBinding?: Buffer): Promise<string | undefined> {
  const server = new ScramServer(rfc.salt, 'server', serverBinding);
  const client = new ScramClient(server.mechanisms, 'client', clientBinding);
  const salt = client.challenged(server.first(client.mechanism, client.first));
  const final = server.final(client.final(await deriveKeys('pencil', salt)), await verifierOf('pencil'));
  if (final !== undefined) client.verify(final);
  return final === undefined ? undefined : client.mechanism;
}

test('over TLS the exchange is bound to the certificate, and another certificate breaks it', async () => {
  const seen = Buffer.from('certificate');
  assert.equal(await exchange(seen, seen), SCRAM_PLUS);
  assert.equal(await exchange(undefined, undefined), SCRAM);
  assert.equal(await exchange(undefined, seen), SCRAM, 'a server without binding is still taken');
  await assert.rejects(exchange(seen, Buffer.from('another')), code('AUTH_FAILED'));
});

test('a client that was talked out of channel binding is refused', () => {
  const server = new ScramServer(rfc.salt, 'server', Buffer.from('certificate'));
  assert.throws(() => server.first(SCRAM, 'y,,n=,r=abc'), code('PROTOCOL'));
  assert.match(server.first(SCRAM, 'n,,n=,r=abc'), /^r=abcserver,/);
});

test('a malformed first message is refused', () => {
  const server = new ScramServer(rfc.salt, 'server', Buffer.from('certificate'));
  for (const first of [
    '',
    'n,,',
    'n,,n=,r=',
    'n,,n=,r=a b',
    'n,a=admin,n=,r=abc',
    'n,,m=ext,n=,r=abc',
    'p=tls-unique,,n=,r=abc',
    'n=x,,n=,r=abc',
  ]) {
    const mechanism = first.startsWith('p') ? SCRAM_PLUS : SCRAM;
    assert.throws(() => server.first(mechanism, first), code('PROTOCOL'), first);
  }
  assert.throws(() => server.first(SCRAM_PLUS, 'n,,n=,r=abc'), code('PROTOCOL'));
  assert.throws(() => server.first('SCRAM-SHA-1', 'n,,n=,r=abc'), code('AUTH_METHOD'));
});

test('a malformed final message is refused', async () => {
  const verifier = await verifierOf('pencil');
  const proof = rfc.clientFinal.slice(rfc.clientFinal.indexOf(',p='));
  for (const final of [
    '',
    rfc.clientFinal.replace('hvYD', 'hvYE'),
    rfc.clientFinal.replace(proof, ''),
    rfc.clientFinal.replace(proof, ',p=AAAA'),
  ]) {
    const server = new ScramServer(rfc.salt, rfc.serverNonce, undefined);
    server.first(SCRAM, rfc.clientFirst);
    assert.throws(() => server.final(final, verifier), code('PROTOCOL'), final);
  }
});

test('a stored verifier is read as the server writes it, and nothing else is taken for one', async () => {
  const keys = await deriveKeys('pencil', rfc.salt);
  const stored = `SCRAM-SHA-256$4096:${rfc.salt.salt.toString('base64')}$${keys.storedKey.toString('base64')}:${keys.serverKey.toString('base64')}`;
  const verifier = parseVerifier(stored);
  assert.deepEqual(verifier?.storedKey, keys.storedKey);
  assert.equal(verifier?.iterations, 4096);
  for (const other of [
    'pencil',
    'SCRAM-SHA-256$4096:AAAA$AAAA:AAAA',
    stored.replace('4096', '0'),
    `${stored}x`,
  ]) {
    assert.equal(parseVerifier(other), undefined, other);
  }
});

test('an unknown user is asked like a known one, always with the same salt', async () => {
  const unknown = challengeOf('nobody', undefined);
  const known = challengeOf('somebody', 'secret');
  assert.deepEqual(challengeOf('nobody', undefined).salt, unknown.salt);
  assert.deepEqual(challengeOf('nobody', 'now it exists').salt, unknown.salt);
  assert.equal(unknown.salt.salt.length, known.salt.salt.length);
  assert.equal(unknown.salt.iterations, known.salt.iterations);
  assert.notDeepEqual(unknown.salt.salt, known.salt.salt);
  assert.equal((await unknown.verifier).storedKey.length, 32);
});

test('a user is asked with keys that were derived before, until the secret changes', async () => {
  const first = challengeOf('returning', 'secret');
  assert.equal(challengeOf('returning', 'secret'), first);
  const changed = challengeOf('returning', 'changed');
  assert.notEqual(changed, first);
  assert.notDeepEqual((await changed.verifier).storedKey, (await first.verifier).storedKey);
  const gone = challengeOf('returning', undefined);
  assert.notDeepEqual((await gone.verifier).storedKey, (await changed.verifier).storedKey);
  assert.equal(challengeOf('returning', undefined), gone);
  assert.equal(challengeOf('returning', 'changed'), changed);
});

test('keys are derived once for a secret, and the oldest leave first', async () => {
  const cache = new KeyCache(2);
  const first = cache.get('a', 'secret', rfc.salt);
  assert.equal(cache.get('a', 'secret', rfc.salt), first);
  assert.notEqual(cache.get('a', 'changed', rfc.salt), first);
  const kept = cache.get('a', 'changed', rfc.salt);
  cache.get('b', 'secret', rfc.salt);
  assert.equal(cache.get('a', 'changed', rfc.salt), kept);
  cache.get('c', 'secret', rfc.salt);
  assert.equal(cache.size, 2);
  assert.equal(cache.get('a', 'changed', rfc.salt), kept, 'b was the oldest');
  await Promise.all([first, kept]);
});

test('passwords are prepared as the server prepares them', () => {
  for (const [given, expected] of [
    ['I\u00adX', 'IX'],
    ['\u00aa', 'a'],
    ['\u2168', 'IX'],
    ['a\u00a0b', 'a b'],
    ['pass\u0007', 'pass\u0007'],
    ['\u06271', '\u06271'],
    ['\u2168\u{1f600}', '\u2168\u{1f600}'],
    ['\u00ad', '\u00ad'],
    ['Grüße', 'Gru\u0308ße'.normalize('NFKC')],
  ] as const) {
    assert.equal(saslprep(given), expected, JSON.stringify(given));
  }
});

test('md5 answers are those of the manual', () => {
  assert.equal(md5Hash('user', 'secret'), 'md520eb1b22a92b5c573dc1eb4331fc49ee');
  assert.equal(md5Answer('user', 'secret', Buffer.from([1, 2, 3, 4])), 'md5fccef98e4f1cf6cbe96b743fad4e8bd0');
  assert.ok(isMd5Hash(md5Hash('user', 'secret')));
  assert.ok(!isMd5Hash('md5'));
  const salt = Buffer.from([1, 2, 3, 4]);
  assert.equal(md5Answer('user', md5Hash('user', 'secret'), salt), md5Answer('user', 'secret', salt));
});
