import assert from 'node:assert/strict';
import type { Event } from '../../../src/core/events.ts';
import { type NodeId, nodeId } from '../../../src/core/node.ts';
import type { Ack, NodeView, View } from '../../../src/core/view.ts';
import type { Journal } from '../../../src/failover/journal.ts';
import type { JournalEntry, Recorded } from '../../../src/failover/record.ts';
import type { FailoverSettings } from '../../../src/failover/settings.ts';
import { type ControlPlane, startControlPlane } from '../../../src/plane.ts';
import { ManualClock } from './clock.ts';
import { Cluster } from './cluster.ts';
import { blind, positions } from './history.ts';

export interface StoryOptions {
  readonly nodes?: readonly string[];
  readonly priorities?: readonly number[];
  readonly settings?: Partial<FailoverSettings>;
  /** False: nobody can rejoin a node. */
  readonly rejoin?: boolean;
  /** Before the proxy starts. */
  readonly before?: (cluster: Cluster) => void;
  /** Places on different branches compare as diverged. */
  readonly blindToForks?: boolean;
  readonly records?: readonly Recorded[];
}

/** A proxy before a made-up cluster, on a clock of its own. Checks on every view that an epoch has one primary. */
export class Story implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly cluster: Cluster;
  readonly plane: ControlPlane;
  readonly events: Event[] = [];
  readonly journal: JournalEntry[] = [];
  /** The data plane says that links are closed: at once, or when a test lets it. */
  acks: 'at once' | 'never' = 'at once';
  journalFails = false;
  journalHangs = false;
  #primaries = new Map<number, NodeId>();
  #held: Ack | undefined;

  constructor(options: StoryOptions = {}) {
    this.cluster = new Cluster(this.clock, options.nodes ?? ['pg-1', 'pg-2', 'pg-3'], options.priorities);
    options.before?.(this.cluster);
    const { cluster } = this;
    this.plane = startControlPlane({
      clock: this.clock,
      nodes: cluster.specs,
      positions: options.blindToForks === true ? blind : positions,
      probe: cluster.probe,
      control: cluster.control,
      targetOf: (node) => ({
        node,
        endpoint: cluster.of(node).spec.endpoint,
        user: 'monitor',
        password: undefined,
        database: 'main',
        options: '',
        tls: undefined,
      }),
      emit: (event) => this.events.push(event),
      hooks: options.rejoin === false ? {} : { rejoin: (node, primary) => cluster.rejoin(node, primary) },
      journal: this.#journal(options.records ?? []),
      settings: { mode: 'promote', ...options.settings },
    });
    this.plane.onView((view) => this.#apply(view));
  }

  /** As the data plane does: closes links in the same call, and says so. */
  #apply(view: View): void {
    if (view.primary !== null) {
      const before = this.#primaries.get(view.epoch) ?? view.primary;
      assert.equal(before, view.primary, `I1: epoch ${view.epoch} has two primaries`);
      this.#primaries.set(view.epoch, view.primary);
    }
    const closed = view.nodes.filter((node) => !node.links).map((node) => node.id);
    const ack: Ack = { epoch: view.epoch, version: view.version, closed, unknown: 0 };
    if (this.acks === 'at once') this.plane.ack(ack);
    else this.#held = ack;
  }

  #journal(records: readonly Recorded[]): Journal {
    return {
      records,
      append: async (entry) => {
        if (this.journalHangs) await new Promise(() => undefined);
        await this.clock.wait(2);
        if (this.journalFails) throw new Error('the disk is full');
        this.cluster.log.push(`record ${entry.kind} ${entry.node}`);
        this.journal.push(entry);
      },
      close: async () => undefined,
    };
  }

  /** The withheld ack arrives after all. */
  ackNow(): void {
    this.acks = 'at once';
    if (this.#held !== undefined) this.plane.ack(this.#held);
  }

  get view(): View {
    return this.plane.view;
  }

  get primary(): string | null {
    return this.view.primary;
  }

  get phase(): string {
    return this.plane.state.phase.name;
  }

  node(name: string): NodeView {
    const node = this.view.nodes.find((view) => view.id === name);
    if (node === undefined) throw new Error(`no node ${name} in the view`);
    return node;
  }

  get alarms(): string[] {
    return this.events.flatMap((event) => (event.kind === 'alarm' ? [event.reason] : []));
  }

  get probes(): number {
    return this.events.filter((event) => event.kind === 'probed').length;
  }

  /** Rules that were applied, in order. */
  get rules(): string[] {
    return this.events.flatMap((event) => (event.kind === 'failover' ? [event.rule] : []));
  }

  /** What was done to servers and put on record, without the names of nodes that only took office. */
  get done(): string[] {
    return this.cluster.log;
  }

  async run(ms: number): Promise<void> {
    await this.clock.run(ms);
  }

  /** Runs until something holds; fails when it does not within `ms`. Gives how long it took. */
  async until(what: string, holds: () => boolean, ms = 5_000): Promise<number> {
    const start = this.clock.now();
    while (!holds()) {
      if (this.clock.now() - start >= ms) {
        const state = JSON.stringify(this.plane.state.phase);
        assert.fail(`${what}: not within ${ms} ms; ${state}; ${this.rules.join(' ')}; ${this.view.holding}`);
      }
      await this.run(5);
    }
    return this.clock.now() - start;
  }

  /** The open links to a node break, and the data plane says so. */
  linkLost(name: string): void {
    this.plane.signal({ kind: 'link-lost', node: nodeId(name) });
  }

  kill(name: string): void {
    this.cluster.kill(name);
    this.linkLost(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.plane.close();
    await this.run(60_000);
    await closed;
    assert.equal(this.clock.pending, 0, 'a timer is left');
  }
}

/** A proxy that has found its primary. */
export async function begin(options: StoryOptions = {}): Promise<Story> {
  const story = new Story(options);
  await story.until('a primary is found', () => story.primary !== null);
  await story.run(600);
  return story;
}
