import { ProxyError } from '../core/errors.ts';
import type { Told } from './messages.ts';

/** An error as plain data; its cause stays where it was. */
export function told(error: ProxyError): Told {
  const { code, side, retry, message, server } = error;
  return { code, facts: { side, retry, tell: message, ...(server === undefined ? {} : { server }) } };
}

export function untold({ code, facts }: Told): ProxyError {
  return new ProxyError(code, facts);
}
