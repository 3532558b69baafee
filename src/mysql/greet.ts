import type { Greeting, Login, SessionKey } from '../core/wire.ts';
import { STATUS_AUTOCOMMIT, STATUS_NO_BACKSLASH_ESCAPES } from './capabilities.ts';
import { end, type MysqlLogin, underWay } from './login.ts';
import { okPacket } from './messages.ts';
import { lenencText } from './packets.ts';

/** Kind of a change in an OK packet: the schema ("Session State Information"). */
const SESSION_TRACK_SCHEMA = 1;

/** Wire.greet: the OK that ends a log-in. The client has had its number with the greeting. */
export function greet(login: Login, greeting: Greeting, _key: SessionKey): void {
  const { channel, traits, database } = login as MysqlLogin;
  const status = statusOf(greeting);
  const changes = database === '' ? undefined : schemaChange(database);
  const sequence = underWay(channel)?.sequence ?? 0;
  end(channel);
  channel.write(
    okPacket(sequence, { status, ...(changes === undefined ? {} : { changes }) }, traits.sessionTrack),
  );
}

/** As the server reports the schema that a client has asked for. */
function schemaChange(schema: string): Buffer {
  return Buffer.concat([Buffer.from([SESSION_TRACK_SCHEMA]), lenencText(lenencText(schema))]);
}

function statusOf({ parameters }: Greeting): number {
  const autocommit = parameters.get('autocommit')?.toUpperCase() === 'OFF' ? 0 : STATUS_AUTOCOMMIT;
  const escapes = parameters.get('sql_mode')?.includes('NO_BACKSLASH_ESCAPES') === true;
  return autocommit | (escapes ? STATUS_NO_BACKSLASH_ESCAPES : 0);
}
