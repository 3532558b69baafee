import { Counter, Histogram, type Registry } from 'prom-client';
import { unreachable } from '../core/errors.ts';
import type { Event } from '../core/events.ts';
import { boundedLabel } from './labels.ts';

const MOST_USERS = 100;
const MOST_CODES = 50;
const MOST_RULES = 200;
/** Seconds: opening a connection, one probe. */
const SHORT = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
/** Seconds: waiting for a primary. */
const LONG = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30];

/** Counts events. */
export type Count = (cluster: string, event: Event) => void;

/** The metrics that are made of events. */
export function eventMetrics(registry: Registry): Count {
  const made = counters(registry);
  const spread = histograms(registry);
  const user = boundedLabel(MOST_USERS);
  const code = boundedLabel(MOST_CODES);
  const rule = boundedLabel(MOST_RULES);
  return (cluster, event) => {
    switch (event.kind) {
      case 'client-connected':
        return made.connected.inc({ cluster, user: user(event.user) });
      case 'client-closed':
        return made.closed.inc({ cluster, user: user(event.user) });
      case 'client-refused':
        return made.refused.inc({ cluster, code: code(event.code) });
      case 'client-error':
        return made.errors.inc({ cluster, code: code(event.code) });
      case 'pinned':
        return made.pins.inc({ cluster, reason: event.reason });
      case 'link-opened':
        made.opened.inc({ cluster, node: event.node });
        return spread.opening.observe({ cluster, node: event.node }, event.ms / 1000);
      case 'link-closed':
        return made.linksClosed.inc({ cluster, node: event.node });
      case 'link-failed':
        return made.linksFailed.inc({ cluster, node: event.node, code: code(event.code) });
      case 'retried':
        return made.retries.inc({ cluster, node: event.from });
      case 'held':
        return made.held.inc({ cluster });
      case 'released':
        return spread.hold.observe({ cluster }, event.waitedMs / 1000);
      case 'probed': {
        const { observation } = event;
        const { node, askedAt, at } = observation;
        const result = observation.kind === 'seen' ? 'seen' : observation.failure;
        made.probes.inc({ cluster, node, result });
        return spread.probe.observe({ cluster, node }, (at - askedAt) / 1000);
      }
      case 'view-changed':
        return made.views.inc({ cluster });
      case 'failover':
        return made.steps.inc({ cluster, rule: rule(event.rule), state: event.state });
      case 'alarm':
        return made.alarms.inc({ cluster, rule: rule(event.rule) });
      default:
        throw unreachable(event);
    }
  };
}

function counters(registry: Registry) {
  const counter = <const Labels extends readonly string[]>(name: string, help: string, labels: Labels) =>
    new Counter<'cluster' | Labels[number]>({
      name: `pointsman_${name}`,
      help,
      labelNames: ['cluster', ...labels],
      registers: [registry],
    });
  return {
    connected: counter('clients_connected_total', 'Clients that were authenticated', ['user']),
    closed: counter('clients_closed_total', 'Authenticated clients that have gone', ['user']),
    refused: counter('clients_refused_total', 'Clients refused before they were served', ['code']),
    errors: counter('client_errors_total', "Errors of the proxy's own told to clients", ['code']),
    pins: counter('pins_total', 'Sessions that became pinned to one server connection', ['reason']),
    opened: counter('links_opened_total', 'Server connections opened', ['node']),
    linksClosed: counter('links_closed_total', 'Server connections closed', ['node']),
    linksFailed: counter('link_failures_total', 'Server connections refused or lost', ['node', 'code']),
    retries: counter('retries_total', 'Units sent again elsewhere, by the node that refused', ['node']),
    held: counter('held_total', 'Requests that had to wait for a primary', []),
    probes: counter('probes_total', 'Probes, by what they found', ['node', 'result']),
    views: counter('view_changes_total', 'Changes of the view of the cluster', []),
    steps: counter('failover_steps_total', 'Steps of the failover machine, by rule', ['rule', 'state']),
    alarms: counter('alarms_total', 'Things an operator should know of, by rule', ['rule']),
  };
}

function histograms(registry: Registry) {
  const histogram = <const Labels extends readonly string[]>(
    name: string,
    help: string,
    labels: Labels,
    buckets: number[],
  ) =>
    new Histogram<'cluster' | Labels[number]>({
      name: `pointsman_${name}`,
      help,
      labelNames: ['cluster', ...labels],
      buckets,
      registers: [registry],
    });
  return {
    opening: histogram('link_open_seconds', 'Time to open a server connection', ['node'], SHORT),
    hold: histogram('hold_seconds', 'Time a request waited for a primary', [], LONG),
    probe: histogram('probe_seconds', 'Time of one probe', ['node'], SHORT),
  };
}
