import type { Begin } from '../core/intent.ts';
import type { Settings } from '../core/settings.ts';
import type { Unit } from '../core/wire.ts';

/**
 * A transaction as the client sees it, from its BEGIN to its end. The BEGIN may not have reached a server yet:
 * it is held back until the first statement says which node it needs.
 */
export interface Transaction {
  /** The BEGIN that was answered by the proxy and has not been sent; undefined: the server has one. */
  held: { readonly unit: Unit; readonly begin: Begin } | undefined;
  /** The proxy itself refused a statement of it: only its end is taken from here on. */
  failedHere: boolean;
  /** The session's settings before it, for a rollback. */
  readonly settingsBefore: Settings;
}
