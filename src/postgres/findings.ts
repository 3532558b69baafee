import type { PinReason } from '../core/intent.ts';
import type { Obstacle } from './names.ts';

/** What the proof of a statement has found. */
export class Findings {
  /** The first obstacle; undefined: it is a read. */
  first: Obstacle | undefined;
  pin: PinReason | undefined;
  /** Code of the users may run in it. */
  audit = false;
  /** The same, if it changes data: a table it names has triggers or is not known. */
  loud = false;
  /** A name in it is not in the catalogue. */
  unknown = false;
  /** It calls set_config with a value for the session. */
  setting = false;
  /** A call in it that tells what an earlier statement did on the same connection; '' if there is none. */
  looksBack = '';

  note(obstacle: Obstacle): void {
    this.first ??= obstacle;
    this.pin ??= obstacle.pin;
    if (obstacle.audit === true) this.audit = true;
    if (obstacle.looksBack === true && this.looksBack === '') this.looksBack = obstacle.detail;
    if (obstacle.unknown === true) this.unknown = true;
  }
}
