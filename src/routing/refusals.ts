import { ProxyError } from '../core/errors.ts';

export function noReplica(): ProxyError {
  return new ProxyError('NO_REPLICA', {
    side: 'proxy',
    retry: 'safe',
    tell: 'no replica is eligible for this read, and routing.noReplica is error',
  });
}

/** Inside a transaction on a replica, only what can change nothing is passed on. */
export function notOnReplica(because: string, detail: string): ProxyError {
  const what = detail === '' ? 'this statement' : `this statement (${detail})`;
  return new ProxyError('READ_ONLY_TRANSACTION', {
    side: 'client',
    retry: 'no',
    tell: `${what} is not proven to be a read (rule ${because}) and this READ ONLY transaction runs on a replica; roll back and begin without READ ONLY`,
  });
}
