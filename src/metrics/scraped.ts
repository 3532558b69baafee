import { Counter, Gauge, type Registry } from 'prom-client';
import type { Counters, NodeCounters } from '../core/counters.ts';
import type { View } from '../core/view.ts';

/** One cluster's figures, read at each scrape. */
export interface MetricSource {
  readonly cluster: string;
  readonly engine: string;
  readonly counters: Counters;
  view(): View;
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [value: number, labels?: Labels];
type Read = (source: MetricSource) => Iterable<Sample>;

interface Figure {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** `counter`: only grows. `gauge`: now. */
  readonly type: 'counter' | 'gauge';
  readonly read: Read;
}

/** The metrics that are read from the data plane's plain integers and from the view. */
export function scrapedMetrics(registry: Registry, sources: () => readonly MetricSource[]): void {
  for (const figure of [...CLUSTER, ...NODES, ...LANES, ...VIEWS]) {
    const Metric = figure.type === 'counter' ? Counter : Gauge;
    new Metric({
      name: `pointsman_${figure.name}`,
      help: figure.help,
      labelNames: ['cluster', ...figure.labels],
      registers: [registry],
      collect() {
        this.reset();
        for (const source of sources()) {
          for (const [value, labels] of figure.read(source))
            this.inc({ cluster: source.cluster, ...labels }, value);
        }
      },
    });
  }
}

const eachNode =
  (value: (node: NodeCounters) => number): Read =>
  ({ counters }) =>
    counters.nodes.map((node): Sample => [value(node), { node: node.node }]);

function laneFigure(
  name: string,
  type: Figure['type'],
  help: string,
  value: (node: NodeCounters) => number,
): Figure {
  return { name, help, labels: ['node'], type, read: eachNode(value) };
}

const CLUSTER: readonly Figure[] = [
  {
    name: 'cluster_info',
    help: '1, with the engine of the cluster',
    labels: ['engine'],
    type: 'gauge',
    read: ({ engine }) => [[1, { engine }]],
  },
  {
    name: 'clients',
    help: 'Authenticated clients now',
    labels: [],
    type: 'gauge',
    read: ({ counters }) => [[counters.clientsNow]],
  },
  {
    name: 'client_bytes_total',
    help: 'Bytes received from (in) and sent to (out) clients',
    labels: ['direction'],
    type: 'counter',
    read: ({ counters }) => [
      [counters.bytesFromClients, { direction: 'in' }],
      [counters.bytesToClients, { direction: 'out' }],
    ],
  },
  {
    name: 'held',
    help: 'Requests that wait for a primary now',
    labels: [],
    type: 'gauge',
    read: ({ counters }) => [[counters.heldNow]],
  },
  {
    name: 'held_bytes',
    help: 'Bytes of the requests that wait for a primary now',
    labels: [],
    type: 'gauge',
    read: ({ counters }) => [[counters.heldBytesNow]],
  },
  {
    name: 'pinned',
    help: 'Sessions pinned to one server connection now, by reason',
    labels: ['reason'],
    type: 'gauge',
    read: ({ counters }) =>
      [...counters.pinnedByReason].map(([reason, { count }]): Sample => [count, { reason }]),
  },
];

const NODES: readonly Figure[] = [
  {
    name: 'units_total',
    help: 'Client requests sent to a node, by the routing rule that decided',
    labels: ['node', 'rule'],
    type: 'counter',
    read: ({ counters }) =>
      counters.nodes.flatMap(({ node, unitsByRule }) =>
        [...unitsByRule].map(([rule, { count }]): Sample => [count, { node, rule }]),
      ),
  },
  {
    name: 'server_bytes_total',
    help: 'Bytes received from (in) and sent to (out) a node',
    labels: ['node', 'direction'],
    type: 'counter',
    read: ({ counters }) =>
      counters.nodes.flatMap(({ node, bytesFromServer, bytesToServer }): Sample[] => [
        [bytesFromServer, { node, direction: 'in' }],
        [bytesToServer, { node, direction: 'out' }],
      ]),
  },
  {
    name: 'links',
    help: 'Server connections now: opening, idle, busy',
    labels: ['node', 'state'],
    type: 'gauge',
    read: ({ counters }) =>
      counters.nodes.flatMap(({ node, openingNow, openNow, busyNow }): Sample[] => [
        [openingNow, { node, state: 'opening' }],
        [openNow - busyNow, { node, state: 'idle' }],
        [busyNow, { node, state: 'busy' }],
      ]),
  },
  {
    name: 'pool_waiting',
    help: 'Requests that wait for a server connection now',
    labels: ['node'],
    type: 'gauge',
    read: eachNode((node) => node.waitingNow),
  },
  {
    name: 'pool_waits_total',
    help: 'Requests that had to wait for a server connection',
    labels: ['node'],
    type: 'counter',
    read: eachNode((node) => node.waits),
  },
  {
    name: 'pool_waits_failed_total',
    help: 'Requests that waited for a server connection in vain',
    labels: ['node'],
    type: 'counter',
    read: eachNode((node) => node.waitsFailed),
  },
  {
    name: 'pool_wait_seconds_total',
    help: 'Time requests waited for a server connection, together',
    labels: ['node'],
    type: 'counter',
    read: eachNode((node) => node.waitedMs / 1000),
  },
];

/** Server connections that several sessions share at the same time (docs/pooling.md). */
const LANES: readonly Figure[] = [
  laneFigure('lanes', 'gauge', 'Server connections that sessions share now', (node) => node.lanesNow),
  laneFigure(
    'lane_owed',
    'gauge',
    'Requests under way on shared server connections now',
    (node) => node.laneOwedNow,
  ),
  laneFigure(
    'lane_units_total',
    'counter',
    'Requests sent on shared server connections',
    (node) => node.laneUnits,
  ),
  laneFigure(
    'lane_writes_total',
    'counter',
    'Writes to sockets that they left in',
    (node) => node.laneWrites,
  ),
  laneFigure(
    'lane_ahead_total',
    'counter',
    'Requests that were under way in front of them, together',
    (node) => node.laneDepth,
  ),
  laneFigure(
    'lane_ahead_seconds_total',
    'counter',
    'Time that those in front were expected to take, together',
    (node) => node.laneBehindMs / 1000,
  ),
  laneFigure(
    'lane_rescues_total',
    'counter',
    'Requests sent again elsewhere because one in front of them took too long or was cancelled',
    (node) => node.laneRescues,
  ),
  laneFigure(
    'lane_poisonings_total',
    'counter',
    'Requests that left state behind on a shared server connection, which was closed to others',
    (node) => node.lanePoisoned,
  ),
];

const VIEWS: readonly Figure[] = [
  {
    name: 'epoch',
    help: 'Grows with every change of primary',
    labels: [],
    type: 'gauge',
    read: (source) => [[source.view().epoch]],
  },
  {
    name: 'primary_known',
    help: '1 when writes have somewhere to go, 0 when they are held',
    labels: [],
    type: 'gauge',
    read: (source) => [[source.view().primary === null ? 0 : 1]],
  },
  {
    name: 'node_up',
    help: '1 when a node may be used, 0 when it is down, starting, quarantined or unknown',
    labels: ['node'],
    type: 'gauge',
    read: (source) =>
      source.view().nodes.map(({ id, state }): Sample => [state === 'up' ? 1 : 0, { node: id }]),
  },
  {
    name: 'node_state',
    help: '1 for the role and state a node is in',
    labels: ['node', 'role', 'state'],
    type: 'gauge',
    read: (source) =>
      source.view().nodes.map(({ id, role, state }): Sample => [1, { node: id, role, state }]),
  },
  {
    name: 'node_lag_bytes',
    help: "Bytes a replica is behind the primary's last seen position, where that can be said",
    labels: ['node'],
    type: 'gauge',
    read: (source) =>
      source
        .view()
        .nodes.flatMap(({ id, lagBytes }): Sample[] =>
          lagBytes === undefined ? [] : [[lagBytes, { node: id }]],
        ),
  },
];
