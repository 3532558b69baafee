import type { NodeId } from '../core/node.ts';
import type { Position } from '../core/position.ts';
import type { View } from '../core/view.ts';

/**
 * What a session must see: its own writes, and nothing older than it has read. A write's position is not known
 * when it is acknowledged; the first position the primary was *asked* for after that is an upper bound for it.
 */
export class Causality {
  floor: Position | undefined;
  /** The replica the session reads from. */
  sticky: NodeId | undefined;
  /** Monotonic ms of the last event whose position is not known yet; negative: none. */
  #since = -1;
  #epoch = 0;

  /** The session wrote, and the primary has acknowledged it by now. */
  wrote(now: number): void {
    this.#since = now;
  }

  get floorUnknown(): boolean {
    return this.#since >= 0;
  }

  /** Before a read: takes the floor from the view, if the view is new enough. */
  settle(view: View, now: number): void {
    if (view.epoch !== this.#epoch) this.#superseded(view.epoch, now);
    if (this.#since < 0 || view.primary === null) return;
    const primary = view.nodes.find((node) => node.id === view.primary);
    if (primary?.position === undefined || primary.askedAt <= this.#since) return;
    this.floor = primary.position;
    this.#since = -1;
  }

  /** The replica it read from cannot serve it now: another one must have replayed all that this one has shown. */
  left(now: number): void {
    this.sticky = undefined;
    this.#since = now;
  }

  /** A floor of the last epoch may lie on a branch that ended: it is taken anew from the new primary. */
  #superseded(epoch: number, now: number): void {
    this.#epoch = epoch;
    if (this.floor === undefined) return;
    this.floor = undefined;
    this.#since = now;
  }
}
