import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP, type Socket } from 'node:net';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { ProxyError } from '../core/errors.ts';

/** PEM text, or the path of a file that holds it. */
export type Pem = string;

/** What a listener shows its clients. Immutable: a renewed certificate is a new object. */
export class ServerTls {
  readonly context: SecureContext;
  /** tls-server-end-point of the certificate (RFC 5929, 4.1); undefined where the certificate defines none. */
  readonly binding: Buffer | undefined;

  constructor(context: SecureContext, binding: Buffer | undefined) {
    this.context = context;
    this.binding = binding;
  }
}

/** Reads certificate and key. Throws ProxyError CONFIG. */
export function serverTls(pems: { readonly cert: Pem; readonly key: Pem }): ServerTls {
  const cert = read(pems.cert, 'certificate');
  const key = read(pems.key, 'key');
  try {
    const context = createSecureContext({ cert, key, minVersion: 'TLSv1.2' });
    return new ServerTls(context, endPointHash(new X509Certificate(cert)));
  } catch (error) {
    throw misconfigured(`the TLS certificate and key cannot be used: ${messageOf(error)}`, error);
  }
}

/** PEM texts. */
export interface ClientPems {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** As libpq's sslmode: `require` with a `ca` checks it, as `verify-ca` does. */
export type ClientTlsMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

/** How servers are spoken to. */
export class ClientTls {
  readonly mode: ClientTlsMode;
  /** As read, for drivers that secure their connections themselves. */
  readonly pems: ClientPems;
  #context: SecureContext;

  constructor(mode: ClientTlsMode, context: SecureContext, pems: ClientPems) {
    this.mode = mode;
    this.pems = pems;
    this.#context = context;
  }

  /** True: without encryption there is no connection. */
  get required(): boolean {
    return this.mode !== 'prefer' && this.mode !== 'disable';
  }

  /** True: a server whose certificate does not prove it is refused. */
  get checks(): boolean {
    return this.mode.startsWith('verify-') || (this.mode === 'require' && this.pems.ca !== undefined);
  }

  /** A TLS client around a plain socket; `host` is the name that `verify-full` asks of the certificate. */
  wrap(plain: Socket, host: string): TLSSocket {
    return connect({
      socket: plain,
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      secureContext: this.#context,
      rejectUnauthorized: this.checks,
      ...(this.mode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
    });
  }
}

/** Reads what `pems` names; `cert` and `key` prove who the proxy is. Throws ProxyError CONFIG. */
export function clientTls(
  mode: ClientTlsMode,
  pems: { readonly ca?: Pem; readonly cert?: Pem; readonly key?: Pem } = {},
): ClientTls {
  const ca = pems.ca === undefined ? undefined : read(pems.ca, 'CA certificate');
  const cert = pems.cert === undefined ? undefined : read(pems.cert, 'client certificate');
  const key = pems.key === undefined ? undefined : read(pems.key, 'client key');
  const texts: ClientPems = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  try {
    const context = createSecureContext({ minVersion: 'TLSv1.2', ...texts });
    return new ClientTls(mode, context, texts);
  } catch (error) {
    throw misconfigured(`the TLS files for servers cannot be used: ${messageOf(error)}`, error);
  }
}

/** tls-server-end-point of the certificate that a server has shown; undefined where it defines none. */
export function peerBinding(socket: TLSSocket): Buffer | undefined {
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? undefined : endPointHash(certificate);
}

/** Hash of the signature by algorithm. RFC 5929, 4.1: SHA-256 stands in for MD5 and SHA-1. */
const signatureHash: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.1.1.4', 'sha256'],
  ['1.2.840.113549.1.1.5', 'sha256'],
  ['1.2.840.113549.1.1.11', 'sha256'],
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
  ['1.2.840.113549.1.1.14', 'sha224'],
  ['1.2.840.10045.4.1', 'sha256'],
  ['1.2.840.10045.4.3.1', 'sha224'],
  ['1.2.840.10045.4.3.2', 'sha256'],
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
]);

/** Undefined for signatures with no single hash (Ed25519) or one in their parameters (RSA-PSS). */
function endPointHash(certificate: X509Certificate): Buffer | undefined {
  const hash = signatureHash.get(certificate.signatureAlgorithmOid ?? '');
  return hash === undefined ? undefined : createHash(hash).update(certificate.raw).digest();
}

function read(pem: Pem, what: string): string {
  if (pem.includes('-----BEGIN ')) return pem;
  try {
    return readFileSync(pem, 'utf8');
  } catch (error) {
    throw misconfigured(`the TLS ${what} cannot be read: ${messageOf(error)}`, error);
  }
}

function misconfigured(tell: string, cause: unknown): ProxyError {
  return new ProxyError('CONFIG', { side: 'proxy', retry: 'no', tell, cause });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
