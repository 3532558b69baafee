import { isIP } from 'node:net';
import type { Opened, Target } from '../core/wire.ts';
import { ask, Refused } from './asking.ts';
import { entered } from './connect.ts';
import { parseErr } from './errors.ts';

/** ER_NO_SUCH_THREAD: the connection is gone, and with it what it ran. */
const NO_SUCH_THREAD = 1094;

/**
 * Wire.cancel. Goes to the very address of the link, for a name may lead to another server today. Resolves when the
 * server has marked the statement; it ends at its next look at the mark. Rejects as `connect` does.
 */
export function cancel(target: Target, opened: Opened, signal: AbortSignal): Promise<void> {
  const address = opened.channel.remoteAddress;
  const endpoint = isIP(address) === 0 ? target.endpoint : { host: address, port: target.endpoint.port };
  return entered(target, endpoint, signal, async ({ channel, exchange }) => {
    try {
      await ask(exchange, `KILL QUERY ${opened.key.readUInt32LE(0)}`);
    } catch (error) {
      if (!(error instanceof Refused) || parseErr(error.payload).code !== NO_SUCH_THREAD) throw error;
    }
    channel.destroy();
  });
}
