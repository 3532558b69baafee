import { ProxyError } from '../core/errors.ts';
import type { NodeId } from '../core/node.ts';
import type { Outcome } from '../core/wire.ts';

/** What a session tells its client, in the proxy's own name. */

export function cancelled(): ProxyError {
  return new ProxyError('CANCELLED', {
    side: 'client',
    retry: 'safe',
    tell: 'the statement was cancelled at the request of the client before it was sent to a server',
  });
}

export function ended(): ProxyError {
  return new ProxyError('CANCELLED', {
    side: 'client',
    retry: 'safe',
    tell: 'the session was ended by another one of the same user',
  });
}

export function notYours(id: number): ProxyError {
  return new ProxyError('NOT_YOUR_SESSION', {
    side: 'client',
    retry: 'no',
    tell: `session ${id} is another user's`,
  });
}

export function noSuchSession(id: number): ProxyError {
  return new ProxyError('NO_SUCH_SESSION', {
    side: 'client',
    retry: 'no',
    tell: `there is no session ${id} at this proxy`,
  });
}

export function failedTransaction(): ProxyError {
  return new ProxyError('TRANSACTION_FAILED', {
    side: 'client',
    retry: 'no',
    tell: 'the transaction has failed; nothing is taken until it is rolled back',
  });
}

export function looksBack(detail: string): ProxyError {
  return new ProxyError('UNSUPPORTED', {
    side: 'client',
    retry: 'no',
    tell: `this statement (${detail}) asks for what an earlier one did on the same server connection, which may be another's by now; let the earlier one return the value, run both in one transaction, or set pooling: session for this user`,
  });
}

export function lostTwice(): ProxyError {
  return new ProxyError('LINK_LOST', {
    side: 'server',
    retry: 'safe',
    tell: 'the connection was lost while this read ran, and it is not sent to the primary because the server may have died of it; run it again if you trust it',
  });
}

export function noLongerWritable(): ProxyError {
  return new ProxyError('LINK_LOST', {
    side: 'proxy',
    retry: 'safe',
    tell: 'this proxy may no longer write to the primary; the transaction was rolled back: connect again and repeat it',
  });
}

export function abandoned(): ProxyError {
  return new ProxyError('LINK_LOST', {
    side: 'client',
    retry: 'safe',
    tell: 'its client went away in the middle of a request or transaction',
  });
}

/** A server refused what a unit needs ahead of it. */
export function refusedByServer(node: NodeId, { error, message }: Outcome): ProxyError {
  return new ProxyError('NODE_REFUSED', {
    side: 'server',
    retry: 'no',
    tell: `${node} refused it: ${message}`,
    server: { code: error, message },
  });
}

/** What the session keeps on its link stands in the way of its settings. */
export function stateLost(): ProxyError {
  return new ProxyError('SETTINGS_FAILED', {
    side: 'proxy',
    retry: 'safe',
    tell: 'the connection to the server cannot be given the settings of this session; connect again',
  });
}

/** The server did not take the settings or the BEGIN that the session had asked for before. */
export function settingsRefused(node: NodeId, outcome: Outcome): ProxyError {
  return new ProxyError('SETTINGS_FAILED', {
    side: 'server',
    retry: 'no',
    tell: `${node} refused a setting of this session: ${outcome.message || 'no transaction was begun'}`,
    server: { code: outcome.error, message: outcome.message },
  });
}

/** A unit of another session left state on the link that this one holds. */
export function strangersState(node: NodeId): ProxyError {
  return new ProxyError('LINK_LOST', {
    side: 'proxy',
    retry: 'unknown',
    tell: `the connection to ${node} was closed: a statement that was taken for a plain read has changed it`,
  });
}

/** What a replication connection says is no request with an answer. */
export function noReplication(): ProxyError {
  return new ProxyError('UNSUPPORTED', {
    side: 'client',
    retry: 'no',
    tell: 'replication connections are not passed through yet; connect to the server itself',
  });
}

/** The client closed its connection before it was let in. */
export function goneAtStartup(): ProxyError {
  return new ProxyError('LINK_LOST', {
    side: 'client',
    retry: 'safe',
    tell: 'the client went away during start-up',
  });
}
