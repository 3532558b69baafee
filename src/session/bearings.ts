import type { Begin, Intent } from '../core/intent.ts';
import type { NodeId } from '../core/node.ts';
import type { Position } from '../core/position.ts';
import type { View } from '../core/view.ts';
import type { Elsewhere } from '../core/wire.ts';
import type { Level, RouteFacts } from '../routing/route.ts';
import { Causality } from './causality.ts';
import type { Realm } from './realm.ts';
import type { SessionState } from './state.ts';

/** What one session brings to the choice of a node: what it must see, and what became of the unit under way. */
export class Bearings implements RouteFacts {
  /** The node that has just failed the unit under way. */
  exclude: NodeId | undefined;
  primaryOnly = false;
  /** The primary must not run it: a server may have died of it. */
  neverPrimary = false;
  /** It has been sent before. */
  retried = false;
  /** When the node under `exclude` was lost, in monotonic ms. */
  #excludedAt = 0;
  readonly #realm: Realm;
  readonly #state: SessionState;
  #causality: Causality | undefined;

  constructor(realm: Realm, state: SessionState) {
    this.#realm = realm;
    this.#state = state;
  }

  get level(): Level {
    return this.#realm.level;
  }

  get floor(): Position | undefined {
    return this.#causality?.floor;
  }

  get floorUnknown(): boolean {
    return this.#causality?.floorUnknown ?? false;
  }

  get sticky(): NodeId | undefined {
    return this.#causality?.sticky;
  }

  get begin(): Begin | undefined {
    return this.#state.transaction?.held?.begin;
  }

  /** Before a unit is routed. */
  settle(view: View): void {
    this.#causality?.settle(view, this.#realm.clock.now());
    // The primary lost one connection and still answers: there is no other primary to wait for.
    if (this.exclude !== undefined && this.exclude === view.primary && this.#answersAgain(view)) {
      this.exclude = undefined;
    }
    this.primaryOnly ||= this.#state.pin !== undefined || this.#state.account.doubted;
  }

  /** The unit under way is answered; the next one starts afresh. */
  over(): void {
    this.retried = false;
    this.exclude = undefined;
    this.primaryOnly = false;
    this.neverPrimary = false;
  }

  /** A lone read that a replica could not serve may: nothing else of the session may be under way there. */
  mayRunElsewhere(onPrimary: boolean, { kind }: Intent): boolean {
    if (onPrimary || this.retried || this.#state.pin !== undefined) return false;
    return kind === 'read' && !this.#state.inTransaction;
  }

  /** Where a unit may run that a node has refused with this code; undefined: that is its answer. */
  elsewhere(node: NodeId, onPrimary: boolean, intent: Intent, code: string): Elsewhere | undefined {
    if (!this.mayRunElsewhere(onPrimary, intent)) return undefined;
    const where = this.#realm.wire.elsewhere(code);
    if (where !== undefined) this.#realm.emit({ kind: 'retried', from: node, because: code });
    return where;
  }

  /** A node refused the unit, nothing of it delivered: it goes to the primary, or to another replica. */
  refusedBy(node: NodeId, where: Elsewhere): void {
    this.retried = true;
    if (where === 'primary') this.primaryOnly = true;
    else this.exclude = node;
    this.unstick();
  }

  /** The link under the unit was lost, nothing of it delivered. */
  lostOn(node: NodeId, orderly: boolean): void {
    this.retried = true;
    this.exclude = node;
    this.#excludedAt = this.#realm.clock.now();
    this.neverPrimary = !orderly;
    this.unstick();
  }

  /** The link that the unit shared was lost, while another one was being answered there. */
  besideLoss(node: NodeId): void {
    this.exclude = node;
    this.#excludedAt = this.#realm.clock.now();
    this.unstick();
  }

  #answersAgain(view: View): boolean {
    const primary = view.nodes.find(({ id }) => id === view.primary);
    return primary !== undefined && primary.askedAt > this.#excludedAt;
  }

  /** The primary has acknowledged a write of the session. */
  wrote(): void {
    if (this.level !== 'session') return;
    this.#causality ??= new Causality();
    this.#causality.wrote(this.#realm.clock.now());
  }

  /** The session has read from a replica and keeps to it. */
  stick(node: NodeId): void {
    if (this.level !== 'session' || this.#causality?.sticky === node) return;
    this.#causality ??= new Causality();
    if (this.#causality.sticky !== undefined) this.#realm.settled(this.#causality.sticky, -1);
    this.#causality.sticky = node;
    this.#realm.settled(node, 1);
  }

  unstick(): void {
    if (this.#causality?.sticky === undefined) return;
    this.#realm.settled(this.#causality.sticky, -1);
    this.#causality.left(this.#realm.clock.now());
  }
}
