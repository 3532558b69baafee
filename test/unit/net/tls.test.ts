import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { ProxyError } from '../../../src/core/errors.ts';
import { clientTls, serverTls } from '../../../src/net/tls.ts';
import { selfSigned } from '../../support/certificate.ts';

const isConfig = (error: unknown): boolean => error instanceof ProxyError && error.code === 'CONFIG';

test('RFC 5929: the end point is the certificate hashed by the hash of its signature', () => {
  for (const [kind, hash] of [
    ['ecdsa-sha256', 'sha256'],
    ['rsa-sha384', 'sha384'],
  ] as const) {
    const certificate = selfSigned(kind);
    const { raw } = new X509Certificate(certificate.cert);
    assert.deepEqual(serverTls(certificate).binding, createHash(hash).update(raw).digest(), kind);
  }
  assert.equal(serverTls(selfSigned('ed25519')).binding, undefined, 'Ed25519 names no hash');
});

test('files that cannot be used are a matter of configuration, and are named', () => {
  const { cert, key } = selfSigned();
  assert.throws(() => serverTls({ cert: '/nowhere/cert.pem', key }), /certificate.*\/nowhere\/cert\.pem/);
  assert.throws(() => serverTls({ cert, key: '/nowhere/key.pem' }), isConfig);
  assert.throws(() => serverTls({ cert, key: selfSigned().key }), isConfig, 'the key of another certificate');
  assert.throws(() => serverTls({ cert: key, key }), isConfig);
  assert.throws(() => clientTls('verify-ca', { ca: '/nowhere/ca.pem' }), isConfig);
});
