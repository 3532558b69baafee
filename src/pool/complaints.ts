import { ProxyError } from '../core/errors.ts';
import type { NodeId } from '../core/node.ts';

/** What a wait for a link is measured by. */
interface Wait {
  /** Server connections at most, requests that may wait for one, and for how long, in ms. */
  readonly size: number;
  readonly waiters: number;
  readonly waitTimeoutMs: number;
}

export function poolClosed(node: NodeId): ProxyError {
  return new ProxyError('SHUTDOWN', {
    side: 'proxy',
    retry: 'safe',
    tell: `connections to ${node} are closed`,
  });
}

export function queueFull(node: NodeId, { waiters }: Wait): ProxyError {
  return new ProxyError('POOL_FULL', {
    side: 'proxy',
    retry: 'safe',
    tell: `${waiters} requests already wait for a connection to ${node}; raise pool.size or pool.waiters`,
  });
}

/** `failure`: why the last attempt to open one failed, if that is what was waited for. */
export function waitedTooLong(node: NodeId, wait: Wait, failure: string | undefined): ProxyError {
  const { size, waitTimeoutMs } = wait;
  if (failure !== undefined) {
    const tell = `no connection to ${node} could be opened within ${waitTimeoutMs} ms: ${failure}`;
    return new ProxyError('CONNECT_FAILED', { side: 'server', retry: 'safe', tell });
  }
  return new ProxyError('POOL_TIMEOUT', {
    side: 'proxy',
    retry: 'safe',
    tell: `none of the ${size} connections to ${node} became free within ${waitTimeoutMs} ms; raise pool.size or look for long transactions`,
  });
}

export function nobodyWaited(): ProxyError {
  return new ProxyError('LINK_LOST', {
    side: 'proxy',
    retry: 'no',
    tell: 'nobody waited for what ran on the connection any more',
  });
}
