import { ProxyError } from '../core/errors.ts';
import type { NodeId } from '../core/node.ts';
import { failureOf, messageOf, refusalOf } from './failure.ts';

/** Says what could not be done to which node, and why. `secret` is taken out of whatever the server said. */
export function controlError(doing: string, node: NodeId, error: unknown, secret?: string): ProxyError {
  if (error instanceof ProxyError) return error;
  const without = (text: string): string =>
    secret === undefined || secret === '' ? text : text.replaceAll(secret, '***');
  const refusal = refusalOf(error);
  const why = without(messageOf(error));
  const failure = failureOf(error);
  const lost = refusal === undefined;
  return new ProxyError(lost ? 'CONNECT_FAILED' : 'NODE_REFUSED', {
    side: 'server',
    retry: lost && failure !== 'refused' && failure !== 'unreachable' ? 'unknown' : 'safe',
    tell: `cannot ${doing} ${node}: ${why}${mendFor(refusal?.code)}`,
    ...(refusal === undefined ? {} : { server: { code: refusal.code, message: why } }),
  });
}

/** A refusal in this proxy's own words. */
export function refused(tell: string): ProxyError {
  return new ProxyError('NODE_REFUSED', { side: 'server', retry: 'no', tell });
}

function mendFor(code: string | undefined): string {
  if (code === '1227' || code === '1142') return '; `pointsman check` lists what the account needs';
  if (code === '1045' || code === '1698')
    return '; check user and password of `monitor` in the configuration';
  return '';
}
