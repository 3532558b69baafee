import { unreachable } from '../core/errors.ts';
import type { Event } from '../core/events.ts';
import type { View } from '../core/view.ts';

export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/** One event as a line of the log. */
export interface Entry {
  /** Stable name, e.g. `client.refused`: what log searches and alerts may rely on. */
  readonly name: string;
  readonly level: Level;
  /** What happened, in words. */
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number | undefined>>;
  /** Lines of one name and key are limited together; undefined: this kind is never limited. */
  readonly limit: string | undefined;
}

type Fields = Entry['fields'];

/** The names and levels of all events. docs/operating.md lists them. */
export function entryOf(event: Event): Entry {
  switch (event.kind) {
    case 'client-connected':
      return limited('client.connected', 'debug', 'a client connected', who(event));
    case 'client-closed':
      return limited('client.closed', 'debug', 'a client has gone', {
        ...who(event),
        reason: event.reason,
      });
    case 'client-refused': {
      const { code, reason, address } = event;
      return limited('client.refused', 'warn', 'a client was refused', { code, reason, address }, code);
    }
    case 'client-error': {
      const { code, message } = event;
      return limited('client.error', 'warn', 'a client was told an error', { code, reason: message }, code);
    }
    case 'pinned':
      return limited('session.pinned', 'debug', 'a session keeps its server connection', {
        ...who(event),
        reason: event.reason,
      });
    case 'retried':
      return limited('unit.retried', 'info', 'a request was sent again elsewhere', {
        node: event.from,
        reason: event.because,
      });
    case 'held':
      return limited('unit.held', 'info', 'a request waits for a primary', { waiting: event.waiting });
    case 'released':
      return limited('unit.released', 'debug', 'a held request goes on', { waitedMs: event.waitedMs });
    case 'link-opened':
    case 'link-closed':
    case 'link-failed':
      return linkEntry(event);
    case 'probed':
    case 'view-changed':
    case 'failover':
    case 'alarm':
      return controlEntry(event);
    default:
      throw unreachable(event);
  }
}

type LinkEvent = Extract<Event, { kind: `link-${string}` }>;

function linkEntry(event: LinkEvent): Entry {
  const { node } = event;
  switch (event.kind) {
    case 'link-opened':
      return limited('link.opened', 'debug', 'a server connection is open', { node, ms: event.ms });
    case 'link-closed':
      return limited('link.closed', 'debug', 'a server connection was closed', {
        node,
        reason: event.reason,
      });
    case 'link-failed': {
      const fields = { node, code: event.code, reason: event.message };
      return limited('link.failed', 'warn', 'a server connection failed', fields, `${node} ${event.code}`);
    }
    default:
      throw unreachable(event);
  }
}

type ControlEvent = Extract<Event, { kind: 'probed' | 'view-changed' | 'failover' | 'alarm' }>;

function controlEntry(event: ControlEvent): Entry {
  switch (event.kind) {
    case 'probed': {
      const { observation } = event;
      const { node, askedAt, at } = observation;
      const took = { node, ms: at - askedAt };
      if (observation.kind === 'seen') {
        return limited('node.seen', 'trace', 'a probe was answered', { ...took, role: observation.role });
      }
      const fields = { ...took, failure: observation.failure, reason: observation.message };
      return limited('node.unseen', 'debug', 'a probe was not answered', fields, node);
    }
    case 'view-changed':
      return {
        name: 'view.changed',
        level: 'info',
        message: 'the cluster is seen differently',
        fields: viewFields(event.view),
        limit: undefined,
      };
    case 'failover': {
      const { rule, state, reason, node } = event;
      const fields = { rule, state, reason, node };
      return { name: `failover.${state}`, level: 'info', message: reason, fields, limit: `${rule} ${node}` };
    }
    case 'alarm': {
      const { rule, reason } = event;
      return { name: 'alarm', level: 'error', message: reason, fields: { rule }, limit: rule };
    }
    default:
      throw unreachable(event);
  }
}

/** What of a view is worth a line; equal for views that differ in positions only. */
function viewFields({ epoch, primary, nodes, holding }: View): Fields {
  return {
    epoch,
    primary: primary ?? undefined,
    nodes: nodes.map(({ id, role, state }) => `${id}=${role}/${state}`).join(' '),
    reason: holding === '' ? undefined : holding,
  };
}

function who({ user, database }: { readonly user: string; readonly database: string }): Fields {
  return { user, database };
}

function limited(name: string, level: Level, message: string, fields: Fields, key = ''): Entry {
  return { name, level, message, fields, limit: key };
}
