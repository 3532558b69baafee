import { connect } from 'node:net';
import { ProxyError } from '../core/errors.ts';
import type { Endpoint } from '../core/node.ts';
import { Connection } from './connection.ts';
import { hearLastWords } from './last-words.ts';
import { onread } from './shared-read.ts';

/** Idle time after which the kernel asks whether a server is still there, in ms. */
const KEEPALIVE_AFTER = 30_000;

export interface DialOptions {
  readonly signal?: AbortSignal;
  /** Bound of the TCP connect, in ms; without it the signal alone bounds it. */
  readonly timeoutMs?: number;
}

/**
 * Opens a TCP connection. Rejects with ProxyError CONNECT_FAILED whose cause carries the system's `code`
 * (ECONNREFUSED, ETIMEDOUT, ENOTFOUND …, or ABORT_ERR). Afterwards the signal has no hold on the connection.
 */
export function dial(endpoint: Endpoint, { signal, timeoutMs }: DialOptions = {}): Promise<Connection> {
  if (signal?.aborted === true) return Promise.reject(connectFailed(endpoint, abortCause(signal)));
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: endpoint.host,
      port: endpoint.port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEPALIVE_AFTER,
      onread,
    });
    const timer =
      timeoutMs === undefined ? undefined : setTimeout(() => socket.destroy(timedOut()), timeoutMs);
    const onAbort = (): void => {
      socket.destroy(abortCause(signal));
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    const onError = (error: Error): void => {
      settle();
      reject(connectFailed(endpoint, error));
    };
    // `destroy(error)` ends here too, and exactly once.
    socket.once('error', onError);
    socket.once('connect', () => {
      settle();
      socket.off('error', onError);
      resolve(new Connection(hearLastWords(socket)));
    });
  });
}

function timedOut(): Error {
  return Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' });
}

function abortCause(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  if (reason instanceof Error && reason.name === 'TimeoutError') return timedOut();
  return Object.assign(new Error('given up'), { code: 'ABORT_ERR' });
}

function connectFailed({ host, port }: Endpoint, cause: Error): ProxyError {
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  const why = cause.message === '' ? code : cause.message;
  return new ProxyError('CONNECT_FAILED', {
    side: 'server',
    retry: 'safe',
    tell: `cannot connect to ${host} port ${port}: ${why}`,
    cause,
  });
}
