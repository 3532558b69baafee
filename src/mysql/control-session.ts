import type { Target } from '../core/wire.ts';
import type { Row } from './control-connection.ts';

/** A connection for the length of one call, and the bound of that call. */
export interface ControlSession {
  readonly target: Target;
  /** Whether the server is a MariaDB. */
  readonly isMaria: boolean;
  /** The whole version text. */
  readonly version: string;
  /** The server's number of this connection. */
  readonly id: string;
  query(text: string): Promise<Row[]>;
  readonly signal: AbortSignal;
}
