import type { Channel } from '../core/channel.ts';
import { type Settings, settingsOf } from '../core/settings.ts';
import type { Login } from '../core/wire.ts';
import * as can from './capabilities.ts';
import { type Collation, collationOf, isClientCharset, isMariaDb } from './collations.ts';
import { clientError } from './errors.ts';
import type { Exchange } from './exchange.ts';
import type { LoginRequest } from './handshake.ts';
import type { StatementNumbers } from './prepared.ts';
import type { Traits } from './reply.ts';

/** A client that has proven who it is, with what this protocol must remember of it. */
export interface MysqlLogin extends Login {
  /** The session's number, which its client takes for the server's connection id. */
  readonly id: number;
  /** Those that both sides have (capabilities.ts). */
  readonly capabilities: number;
  readonly traits: Traits;
  /** Number of the collation that it asked for. */
  readonly collation: number;
  /** Connection attributes. */
  readonly attributes: ReadonlyMap<string, string>;
  /** What the server's version was said to be. */
  readonly version: string;
  /** What was in the greeting: clients without PLUGIN_AUTH answer it again when they change their user. */
  readonly challenge: Buffer;
  readonly statements: StatementNumbers;
}

/** What holds for a connection, whoever logs in on it: the words of the greeting, and how far its numbers have come. */
export type Greeted = Pick<MysqlLogin, 'id' | 'version' | 'challenge' | 'statements'>;

/** Throws ProxyError BAD_STARTUP where the client asks for a character set that none can speak. */
export function loginOf(channel: Channel, greeted: Greeted, request: LoginRequest): MysqlLogin {
  const { capabilities, collation, user, schema, attributes } = request;
  const has = (capability: number): boolean => (capabilities & capability) !== 0;
  const options = [
    has(can.FOUND_ROWS) ? 'found-rows' : '',
    has(can.IGNORE_SPACE) ? 'ignore-space' : '',
    schema === '' ? 'bare' : '',
  ].filter(Boolean);
  return {
    channel,
    ...greeted,
    user,
    database: schema,
    // A connection can go from one schema to another, but from one back to none it cannot.
    links: { database: '', options: options.join(' ') },
    settings: settingsFor(request, greeted.version),
    replication: false,
    secretLength: 0,
    capabilities,
    traits: {
      deprecateEof: has(can.DEPRECATE_EOF),
      sessionTrack: has(can.SESSION_TRACK),
      localFiles: has(can.LOCAL_FILES),
    },
    collation,
    attributes,
  };
}

function settingsFor({ capabilities, collation, schema }: LoginRequest, version: string): Settings {
  const { charset, collation: name } = spoken(collation, version);
  const values: [string, string][] = [
    ['character_set_client', charset],
    ['character_set_results', charset],
    ['collation_connection', name],
  ];
  if (schema !== '') values.push([':schema', schema]);
  if ((capabilities & can.MULTI_STATEMENTS) !== 0) values.push([':multi', 'on']);
  return settingsOf(values);
}

/**
 * What a client speaks that names this collation. For a number that it does not know a server takes its own default
 * instead: here the default of utf8mb4.
 */
function spoken(number: number, version: string): Collation {
  const found = collationOf(number, version) ?? collationOf(isMariaDb(version) ? 45 : 255, version);
  if (found !== undefined && isClientCharset(found.charset)) return found;
  const tell = `Variable 'character_set_client' can't be set to the value of '${found?.charset}'`;
  throw clientError('BAD_STARTUP', 1231, tell);
}

const exchanges = new WeakMap<Channel, Exchange>();

/** The log-in that is under way on a channel: its last word is said by `greet` or `refuse`. */
export function underWay(channel: Channel): Exchange | undefined {
  return exchanges.get(channel);
}

export function begin(exchange: Exchange): void {
  exchanges.set(exchange.channel, exchange);
}

export function end(channel: Channel): void {
  exchanges.delete(channel);
}
