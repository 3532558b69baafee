/** Stable codes of the proxy's own errors; each engine maps them to what its drivers know. */
export type ErrorCode =
  | 'AUTH_FAILED'
  | 'AUTH_METHOD'
  | 'BAD_STARTUP'
  | 'CANCELLED'
  | 'CLIENT_LIMIT'
  | 'CONFIG'
  | 'CONNECT_FAILED'
  | 'HOLD_FULL'
  | 'HOLD_TIMEOUT'
  | 'LINK_LOST'
  | 'NODE_REFUSED'
  | 'NOT_YOUR_SESSION'
  | 'NO_SUCH_SESSION'
  | 'NO_REPLICA'
  | 'OUTCOME_UNKNOWN'
  | 'POOL_FULL'
  | 'POOL_TIMEOUT'
  | 'PORT_TAKEN'
  | 'PROTOCOL'
  | 'READ_ONLY_TRANSACTION'
  | 'SETTINGS_FAILED'
  | 'SHUTDOWN'
  | 'STARTUP_TIMEOUT'
  | 'TLS_REQUIRED'
  | 'TRANSACTION_FAILED'
  | 'UNSUPPORTED';

export type Side = 'client' | 'proxy' | 'server';

export interface ErrorFacts {
  /** The side whose fault or failure it was. */
  readonly side: Side;
  /** `safe`: nothing was executed; `unknown`: it may have been; `no`: the same request fails again. */
  readonly retry: 'safe' | 'unknown' | 'no';
  /** What the client may be told: what happened, to what, what to do. Never a secret. */
  readonly tell: string;
  /** The server's own code and bytes, where a server's refusal is passed on. */
  readonly server?: { readonly code: string; readonly message: string };
  readonly cause?: unknown;
}

/** An error of the proxy's own, with the three facts that decide what is done about it. */
export class ProxyError extends Error {
  readonly code: ErrorCode;
  readonly side: Side;
  readonly retry: ErrorFacts['retry'];
  readonly server: ErrorFacts['server'];

  constructor(code: ErrorCode, facts: ErrorFacts) {
    super(facts.tell, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = 'ProxyError';
    this.code = code;
    this.side = facts.side;
    this.retry = facts.retry;
    this.server = facts.server;
  }
}

/** Any thrown thing as a ProxyError; what is not ours becomes `code` with its message. */
export function asProxyError(thrown: unknown, code: ErrorCode, side: Side): ProxyError {
  if (thrown instanceof ProxyError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new ProxyError(code, { side, retry: 'safe', tell: message, cause: thrown });
}

/** For the default branch of a switch over a union: the compiler proves it is never reached. */
export function unreachable(value: never): Error {
  return new Error(`unreachable: ${JSON.stringify(value)}`);
}
