import type { Clock } from './core/clock.ts';
import type { Control, Positions, Probe } from './core/engine.ts';
import type { Emit } from './core/events.ts';
import type { NodeId, NodeSpec, Observation } from './core/node.ts';
import type { Ack, Signal, View } from './core/view.ts';
import type { Target } from './core/wire.ts';
import type { Standing, World } from './core/world.ts';
import type { Command } from './failover/input.ts';
import { type Journal, memoryJournal } from './failover/journal.ts';
import { type Hooks, Runner } from './failover/runner.ts';
import { defaultFailoverSettings, type FailoverSettings } from './failover/settings.ts';
import type { State } from './failover/state.ts';
import { startMonitor } from './topology/monitor.ts';
import { emptyWorld, reduce } from './topology/reduce.ts';
import { createStore, type ViewListener } from './topology/store.ts';
import { viewOf } from './topology/view.ts';

/** One cluster's control plane: probes, view and failover, put together. */
export interface ControlPlane {
  readonly view: View;
  /** For the admin surfaces: where a failover stands, and why. */
  readonly state: State;
  /** Calls at once with the present view and then with each new one; the result ends that. Must not throw. */
  onView(listener: ViewListener): () => void;
  signal(signal: Signal): void;
  ack(ack: Ack): void;
  command(command: Command): void;
  /** Ends all probes and timers and closes the journal; waits for what is under way, within its bounds. */
  close(): Promise<void>;
}

export interface ControlPlaneOptions {
  readonly clock: Clock;
  readonly nodes: readonly NodeSpec[];
  readonly positions: Positions;
  /** Owned by the caller, who closes it after the plane. */
  readonly probe: Pick<Probe, 'observe'>;
  readonly control: Control;
  /** A node with the account that probes and promotes. */
  targetOf(node: NodeId): Target;
  readonly emit: Emit;
  readonly hooks?: Hooks;
  /** In memory only if left out. Closed by the plane. */
  readonly journal?: Journal;
  readonly settings?: Partial<FailoverSettings>;
}

export function startControlPlane(options: ControlPlaneOptions): ControlPlane {
  const { clock, positions, control, targetOf, emit, nodes } = options;
  const settings: FailoverSettings = { ...defaultFailoverSettings, ...options.settings };
  const store = createStore();
  let world: World = emptyWorld(nodes);

  const publish = (standing: Standing): void => {
    const news = store.publish(viewOf(world, standing, positions, settings));
    if (news) emit({ kind: 'view-changed', view: store.view });
  };
  const runner = new Runner({
    clock,
    positions,
    control,
    hooks: options.hooks ?? {},
    journal: options.journal ?? memoryJournal(),
    settings,
    emit,
    targetOf,
    world: () => world,
    publish,
    probe: (node) => monitor.hurry(node),
    pace: (fast) => monitor.pace(fast),
  });
  const observed = (observation: Observation): void => {
    world = reduce(world, observation);
    emit({ kind: 'probed', observation });
    runner.observed(observation);
  };
  const monitor = startMonitor({
    clock,
    probe: options.probe,
    targets: nodes.map((node) => targetOf(node.id)),
    intervalMs: settings.intervalMs,
    fastMs: settings.suspectIntervalMs,
    observed,
  });
  publish(runner.standing);

  return {
    get view() {
      return store.view;
    },
    get state() {
      return runner.state;
    },
    onView: (listener) => store.onView(listener),
    signal: (signal) => runner.signalled(signal),
    ack: (ack) => runner.acked(ack),
    command: (command) => runner.command(command),
    async close() {
      await monitor.close();
      await runner.close();
    },
  };
}
