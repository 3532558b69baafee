import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Counters } from '../../../src/core/counters.ts';
import type { EventKind } from '../../../src/core/events.ts';
import { nodeId } from '../../../src/core/node.ts';
import { emptyView, type NodeView, type View } from '../../../src/core/view.ts';
import { createMetrics, type MetricSource } from '../../../src/metrics/metrics.ts';
import type { WorkersSource } from '../../../src/metrics/workers.ts';
import { everyEvent } from '../events.ts';

const one = nodeId('pg-1');
const two = nodeId('pg-2');

const nodeView = (changes: Partial<NodeView>): NodeView => ({
  id: one,
  endpoint: { host: 'h', port: 1 },
  role: 'primary',
  state: 'up',
  reason: '',
  weight: 1,
  links: true,
  position: undefined,
  askedAt: 0,
  branch: '',
  version: '',
  lagBytes: undefined,
  ...changes,
});

const view: View = {
  ...emptyView,
  epoch: 4,
  primary: one,
  nodes: [nodeView({}), nodeView({ id: two, role: 'replica', state: 'down', lagBytes: 17 })],
};

const workers: WorkersSource = {
  ready: 2,
  replaced: 1,
  silences: 3,
  granted: 5,
  usage: [
    { slot: 0, cpu: 1.5, lag: 0.011, resident: 64 },
    { slot: 1, cpu: 2, lag: 0.3, resident: 65 },
  ],
};

function setUp() {
  const counters = new Counters([one, two]);
  const sources: MetricSource[] = [{ cluster: 'main', engine: 'one', counters, view: () => view }];
  return {
    counters,
    sources,
    metrics: createMetrics({ sources: () => sources, workers: () => workers, version: '1.2.3' }),
  };
}

const lines = async (render: Promise<string>): Promise<string[]> =>
  (await render).split('\n').filter((line) => line.startsWith('pointsman_'));

test('the worker processes are told apart, and what happened to them is counted', async () => {
  const text = (await lines(setUp().metrics.render())).filter((line) => line.includes('worker'));
  assert.deepEqual(text, [
    'pointsman_workers 2',
    'pointsman_workers_replaced_total 1',
    'pointsman_workers_silent_total 3',
    'pointsman_workers_granted_total 5',
    'pointsman_worker_cpu_seconds_total{worker="0"} 1.5',
    'pointsman_worker_cpu_seconds_total{worker="1"} 2',
    'pointsman_worker_eventloop_lag_p99_seconds{worker="0"} 0.011',
    'pointsman_worker_eventloop_lag_p99_seconds{worker="1"} 0.3',
    'pointsman_worker_resident_bytes{worker="0"} 64',
    'pointsman_worker_resident_bytes{worker="1"} 65',
  ]);
});

describe('every event is counted', () => {
  const expected: Record<EventKind, string> = {
    'client-connected': 'pointsman_clients_connected_total{cluster="main",user="app"} 1',
    'client-closed': 'pointsman_clients_closed_total{cluster="main",user="app"} 1',
    'client-refused': 'pointsman_clients_refused_total{cluster="main",code="TLS_REQUIRED"} 1',
    'client-error': 'pointsman_client_errors_total{cluster="main",code="POOL_TIMEOUT"} 1',
    pinned: 'pointsman_pins_total{cluster="main",reason="listen"} 1',
    'link-opened': 'pointsman_links_opened_total{cluster="main",node="pg-1"} 1',
    'link-closed': 'pointsman_links_closed_total{cluster="main",node="pg-1"} 1',
    'link-failed': 'pointsman_link_failures_total{cluster="main",node="pg-1",code="CONNECT_FAILED"} 1',
    retried: 'pointsman_retries_total{cluster="main",node="pg-1"} 1',
    held: 'pointsman_held_total{cluster="main"} 1',
    released: 'pointsman_hold_seconds_sum{cluster="main"} 0.12',
    probed: 'pointsman_probes_total{cluster="main",node="pg-1",result="seen"} 1',
    'view-changed': 'pointsman_view_changes_total{cluster="main"} 1',
    failover: 'pointsman_failover_steps_total{cluster="main",rule="F07",state="promoting"} 1',
    alarm: 'pointsman_alarms_total{cluster="main",rule="F01"} 1',
  };
  for (const event of Object.values(everyEvent)) {
    test(event.kind, async () => {
      const { metrics } = setUp();
      metrics.emitFor('main')(event);
      const found = await lines(metrics.render());
      assert.ok(found.includes(expected[event.kind]), found.join('\n'));
    });
  }

  test('times are in seconds', async () => {
    const { metrics } = setUp();
    metrics.emitFor('main')(everyEvent['link-opened']);
    metrics.emitFor('main')(everyEvent.probed);
    const found = await lines(metrics.render());
    assert.ok(found.includes('pointsman_link_open_seconds_sum{cluster="main",node="pg-1"} 0.002'));
    assert.ok(found.includes('pointsman_probe_seconds_sum{cluster="main",node="pg-1"} 0.004'));
  });
});

test('per-query figures are read from the plain integers at each scrape', async () => {
  const { counters, metrics } = setUp();
  counters.clientsNow = 5;
  counters.bytesToClients = 99;
  counters.pinned('listen').count = 2;
  const node = counters.of(two);
  node.units('R01').count = 40;
  node.openNow = 7;
  node.busyNow = 3;
  node.waitedMs = 1500;
  await metrics.render();
  node.units('R01').count = 41;
  const found = await lines(metrics.render());
  for (const line of [
    'pointsman_cluster_info{cluster="main",engine="one"} 1',
    'pointsman_clients{cluster="main"} 5',
    'pointsman_client_bytes_total{cluster="main",direction="out"} 99',
    'pointsman_pinned{cluster="main",reason="listen"} 2',
    'pointsman_units_total{cluster="main",node="pg-2",rule="R01"} 41',
    'pointsman_links{cluster="main",node="pg-2",state="idle"} 4',
    'pointsman_links{cluster="main",node="pg-2",state="busy"} 3',
    'pointsman_pool_wait_seconds_total{cluster="main",node="pg-2"} 1.5',
  ]) {
    assert.ok(found.includes(line), `${line} is not in\n${found.join('\n')}`);
  }
});

test('lanes are shown by node, what is now and what only grows', async () => {
  const { counters, metrics } = setUp();
  const node = counters.of(two);
  node.lanesNow = 2;
  node.laneOwedNow = 33;
  node.laneUnits = 1_000;
  node.laneWrites = 125;
  node.laneDepth = 7_000;
  node.laneBehindMs = 2_500;
  node.laneRescues = 6;
  node.lanePoisoned = 1;
  const found = await lines(metrics.render());
  for (const [name, value] of Object.entries({
    lanes: 2,
    lane_owed: 33,
    lane_units_total: 1_000,
    lane_writes_total: 125,
    lane_ahead_total: 7_000,
    lane_ahead_seconds_total: 2.5,
    lane_rescues_total: 6,
    lane_poisonings_total: 1,
  })) {
    const line = `pointsman_${name}{cluster="main",node="pg-2"} ${value}`;
    assert.ok(found.includes(line), `${line} is not in\n${found.join('\n')}`);
  }
});

test('the view is shown: epoch, primary, roles, states and lag', async () => {
  const { metrics } = setUp();
  const found = await lines(metrics.render());
  for (const line of [
    'pointsman_epoch{cluster="main"} 4',
    'pointsman_primary_known{cluster="main"} 1',
    'pointsman_node_up{cluster="main",node="pg-1"} 1',
    'pointsman_node_up{cluster="main",node="pg-2"} 0',
    'pointsman_node_state{cluster="main",node="pg-2",role="replica",state="down"} 1',
    'pointsman_node_lag_bytes{cluster="main",node="pg-2"} 17',
  ]) {
    assert.ok(found.includes(line), `${line} is not in\n${found.join('\n')}`);
  }
});

test('clusters are told apart by their label', async () => {
  const { metrics, sources } = setUp();
  sources.push({ cluster: 'second', engine: 'two', counters: new Counters([one]), view: () => emptyView });
  metrics.emitFor('second')(everyEvent.held);
  const found = await lines(metrics.render());
  assert.ok(found.includes('pointsman_primary_known{cluster="second"} 0'));
  assert.ok(found.includes('pointsman_held_total{cluster="second"} 1'));
});

test('labels that clients choose do not grow without end', async () => {
  const { metrics } = setUp();
  for (let n = 0; n < 500; n++) {
    metrics.emitFor('main')({ kind: 'client-connected', user: `u${n}`, database: 'd' });
    metrics.emitFor('main')({ kind: 'client-refused', code: `c${n}`, reason: '', address: '' });
  }
  const found = await lines(metrics.render());
  assert.equal(found.filter((line) => line.startsWith('pointsman_clients_connected_total')).length, 101);
  assert.ok(found.includes('pointsman_clients_connected_total{cluster="main",user="other"} 400'));
  assert.equal(found.filter((line) => line.startsWith('pointsman_clients_refused_total')).length, 51);
});

test('the registry is its own and has the process metrics of Node.js', async () => {
  const first = setUp();
  const second = setUp();
  first.metrics.emitFor('main')(everyEvent.held);
  assert.ok(!(await lines(second.metrics.render())).some((line) => /pointsman_held_total.* 1$/.test(line)));
  const text = await first.metrics.render();
  assert.match(text, /^process_cpu_seconds_total /m);
  assert.match(text, /^nodejs_eventloop_lag_seconds /m);
  assert.match(text, /pointsman_build_info\{version="1.2.3"/);
});

describe('documents name metrics that exist, and all of them', () => {
  const { metrics } = setUp();
  const names = new Set(metrics.registry.getMetricsAsArray().map(({ name }) => name));

  /** Names of metrics in a text, without the endings that a histogram adds. */
  const mentioned = (text: string): string[] =>
    [...new Set(text.match(/\b(?:pointsman|nodejs|process)_[a-z0-9_]+\b/g) ?? [])].map((name) =>
      names.has(name) ? name : name.replace(/_(bucket|sum|count)$/, ''),
    );

  for (const file of ['grafana/dashboards/pointsman.json', 'grafana/alerts.yml']) {
    test(`${file} uses existing names only`, () => {
      const found = mentioned(readFileSync(file, 'utf8'));
      assert.ok(found.length >= 5, `only ${found.join(', ')} found`);
      assert.deepEqual(
        found.filter((name) => !names.has(name)),
        [],
      );
    });
  }

  test('the dashboard shows each metric of the workers', () => {
    const shown = mentioned(readFileSync('grafana/dashboards/pointsman.json', 'utf8'));
    const ofWorkers = [...names].filter((name) => name.startsWith('pointsman_worker'));
    assert.ok(ofWorkers.length >= 6);
    assert.deepEqual(
      ofWorkers.filter((name) => !shown.includes(name)),
      [],
    );
  });

  test('docs/operating.md lists each metric of our own, and no other', () => {
    const listed = mentioned(readFileSync('docs/operating.md', 'utf8')).filter((name) =>
      name.startsWith('pointsman_'),
    );
    const own = [...names].filter((name) => name.startsWith('pointsman_'));
    assert.deepEqual(listed.sort(), own.sort());
  });
});
