import { isIP } from 'node:net';
import { ProxyError } from '../core/errors.ts';
import type { Opened, Target } from '../core/wire.ts';
import { withChannel } from './connect.ts';
import { cancelRequest } from './messages.ts';

/**
 * Wire.cancel. Goes to the very address of the link, for a name may lead to another server today. Resolves at
 * end of file: the server has passed the request on. Rejects with ProxyError CONNECT_FAILED.
 */
export function cancel(target: Target, opened: Opened, signal: AbortSignal): Promise<void> {
  const address = opened.channel.remoteAddress;
  const endpoint = isIP(address) === 0 ? target.endpoint : { host: address, port: target.endpoint.port };
  return withChannel(target, endpoint, signal, async (channel) => {
    channel.write(cancelRequest(opened.key));
    try {
      await channel.read(1);
    } catch (error) {
      if (signal.aborted) throw error;
      return;
    } finally {
      channel.destroy();
    }
    throw new ProxyError('PROTOCOL', {
      side: 'server',
      retry: 'no',
      tell: `${target.node} answered a cancel request, which has no answer`,
    });
  });
}
