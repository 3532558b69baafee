import type { Target } from '../core/wire.ts';
import type { Row } from './control-connection.ts';

/** A connection for the length of one call, and the bound of that call. */
export interface ControlSession {
  readonly target: Target;
  query(text: string, values?: readonly string[]): Promise<Row[]>;
  readonly signal: AbortSignal;
}
