import type { ProxyError } from '../core/errors.ts';
import type { ClientSide } from '../core/wire.ts';
import type { Request } from '../pool/link.ts';
import type { Backlog } from './backlog.ts';
import type { Bearings } from './bearings.ts';
import type { Realm } from './realm.ts';
import type { SessionState } from './state.ts';

/** What the parts of one session share. */
export interface Kit {
  readonly realm: Realm;
  readonly client: ClientSide;
  readonly state: SessionState;
  readonly bearings: Bearings;
  readonly backlog: Backlog;
  readonly session: Spokesman;
}

/** Speaks to a session's client in the proxy's own name. */
export interface Spokesman {
  /** Answers a unit that was not sent with an error. */
  refuse(request: Request, error: ProxyError): void;
  /** Reports an error and ends the session. */
  die(error: ProxyError): void;
  /** What a link or a timer has called for the session threw: that is its end, and nobody else's. */
  fail(thrown: unknown): void;
}
