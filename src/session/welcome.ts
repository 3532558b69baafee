import { ProxyError } from '../core/errors.ts';
import type { NodeId } from '../core/node.ts';
import { difference, type Settings } from '../core/settings.ts';
import type { View } from '../core/view.ts';
import type { Greeting } from '../core/wire.ts';
import type { Account } from '../pool/accounts.ts';
import type { Dispatcher } from '../pool/dispatcher.ts';
import { Injected } from '../pool/injected.ts';
import type { Link } from '../pool/link.ts';
import { settingsRefused } from './complaints.ts';
import type { Realm } from './realm.ts';

/**
 * What a new session with these settings is greeted with: asked from a server once, then remembered. Shows the
 * client a wrong database or setting at once, in the server's own words. Rejects with a ProxyError.
 */
export async function greetingFor(realm: Realm, account: Account, settings: Settings): Promise<Greeting> {
  const known = account.greeting(settings.fingerprint);
  if (known !== undefined) return known;
  return account.once(settings.fingerprint, async () => {
    for (;;) {
      const [link, dispatcher] = await anyLink(realm, account);
      try {
        const greeting = await greetingOf(link, settings);
        if (greeting !== undefined) return greeting;
      } finally {
        dispatcher.give(link);
      }
    }
  });
}

async function anyLink(realm: Realm, account: Account): Promise<[Link, Dispatcher]> {
  const since = realm.clock.now();
  for (;;) {
    const node = anyNode(realm.view);
    if (node === undefined) {
      await held(realm, since);
      continue;
    }
    const dispatcher = realm.accounts.dispatcher(account, node);
    const link = dispatcher.take() ?? (await waited(dispatcher));
    if (link !== undefined) return [link, dispatcher];
  }
}

/** The primary, whose word is every node's; without one any node that is up. */
function anyNode(view: View): NodeId | undefined {
  if (view.primary !== null) return view.primary;
  return view.nodes.find((node) => node.state === 'up' && node.links && node.role === 'replica')?.id;
}

/** A link, or undefined when the node was closed meanwhile. */
function waited(dispatcher: Dispatcher): Promise<Link | undefined> {
  return new Promise((resolve, reject) => {
    const full = dispatcher.wait({
      sharing: () => undefined,
      granted: resolve,
      boarded: () => undefined,
      denied: (error) => (error.code === 'LINK_LOST' ? resolve(undefined) : reject(error)),
      connectFailed: () => false,
    });
    if (full !== undefined) reject(full);
  });
}

function held(realm: Realm, since: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const waiting = { released: resolve, expired: reject };
    const full = realm.holds.add(waiting, 0, realm.view.holding, since);
    if (full !== undefined) reject(full);
  });
}

/** Undefined: this link can never have these settings, and closes. */
function greetingOf(link: Link, settings: Settings): Promise<Greeting | undefined> {
  if (link.settings === settings) return Promise.resolve(link.server.greeting);
  const plan = link.server.adjust(difference(link.settings, settings));
  if (plan === undefined) {
    link.dirty = true;
    return Promise.resolve(undefined);
  }
  return new Promise((resolve, reject) => {
    link.holder = {
      linkLost: (_link, loss) => reject(loss.error),
      linkAside: () => undefined,
      linkDrained: () => undefined,
      linkAnswered: () => undefined,
      linkRead: () => undefined,
      linkIdle: () => undefined,
    };
    const adjusted = new Injected((outcome) => {
      link.holder = undefined;
      if (outcome.error !== '') {
        reject(settingsRefused(link.target.node, outcome));
        return;
      }
      link.settings = settings;
      resolve(link.server.greeting);
    });
    link.send(plan, adjusted, undefined);
  });
}

/** The proxy is closing: nobody new comes in. */
export function shuttingDown(): ProxyError {
  return new ProxyError('SHUTDOWN', {
    side: 'proxy',
    retry: 'safe',
    tell: 'the proxy is shutting down; connect again',
  });
}
