import type { PinReason } from '../core/intent.ts';
import type { Obstacle } from './names.ts';
import { stronger } from './traces.ts';

/** What the proof of a statement has found. */
export class Findings {
  /** The first obstacle; undefined: it is a read, but for `system`. */
  first: Obstacle | undefined;
  pin: PinReason | undefined;
  /** A name in it is not in the catalogue. */
  unknown = false;
  /** It asks for what an earlier statement of the session did. */
  looksBack = false;
  /** A system variable it asks for, or a function that says what one does; '' if there is none. */
  system = '';
  /** It asks for the value generated last. */
  insertId = false;
  /** It says what that is from now on, and only the session on this link knows. */
  setsInsertId = false;
  /** It uses a table, or a query as one. */
  relations = false;
  /** FOUND_ROWS() can be asked afterwards. */
  countsRows = false;

  note(obstacle: Obstacle): void {
    this.first ??= obstacle;
    // A lock is known to nobody afterwards; a variable the tracker reports.
    this.pin = stronger(this.pin, obstacle.pin);
    if (obstacle.looksBack === true) this.looksBack = true;
    if (obstacle.unknown === true) this.unknown = true;
  }
}
