import { ProxyError } from '../core/errors.ts';
import type { Target } from '../core/wire.ts';
import { CLEAR, NATIVE, SHA2 } from './authentication.ts';
import { nodeRefused } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { EOF, ERR, MORE_DATA, OK } from './messages.ts';
import { PayloadReader } from './packets.ts';
import { encrypted } from './rsa.ts';
import { CHALLENGE, nativeAnswer, sha2Answer } from './scrambles.ts';

/** The plugin before caching_sha2_password: MySQL asks unknown users by it too, so that they look like others. */
const SHA256 = 'sha256_password';

/** What a server asks and how it is answered: its challenge and plugin, as last named. */
export interface Question {
  readonly plugin: string;
  readonly challenge: Buffer;
}

/** No log-in asks for more packets than this. */
const MOST = 8;
const FAST_OK = 3;
const FULL_PLEASE = 4;
const KEY_PLEASE_SHA2 = Buffer.from([2]);
const KEY_PLEASE_SHA256 = Buffer.from([1]);

/** The first answer, sent with the request; for a plugin that is not spoken the server then asks by another. */
export function firstAnswer(target: Target, asked: Question): { plugin: string; answer: Buffer } {
  const password = target.password ?? '';
  if (asked.plugin === SHA2) return { plugin: SHA2, answer: sha2Answer(password, asked.challenge) };
  return { plugin: NATIVE, answer: nativeAnswer(password, asked.challenge) };
}

/**
 * Answers what the server asks until it says OK. Rejects with ProxyError NODE_REFUSED or CONNECT_FAILED (its own
 * words), AUTH_METHOD, PROTOCOL or LINK_LOST.
 */
export async function proveOurselves(exchange: Exchange, target: Target, first: Question): Promise<void> {
  let asked = first;
  for (let count = 0; count < MOST; count += 1) {
    const payload = await exchange.read();
    switch (payload[0]) {
      case OK:
        return;
      case ERR:
        throw nodeRefused(target.node, payload);
      case EOF:
        asked = switched(target, payload);
        await answer(exchange, target, asked);
        break;
      case MORE_DATA:
        if (asked.plugin !== SHA2)
          throw protocol(target, 'sent data that no authentication plugin asked for');
        if (payload[1] === FULL_PLEASE) await wholePassword(exchange, target, asked, KEY_PLEASE_SHA2);
        else if (payload[1] !== FAST_OK) throw protocol(target, 'broke off caching_sha2_password');
        break;
      default:
        throw protocol(target, 'sent an unexpected packet at log-in');
    }
  }
  throw protocol(target, 'did not come to an end at log-in');
}

function switched(target: Target, payload: Buffer): Question {
  if (payload.length === 1) throw method(target, 'asks for a password in the format before 4.1');
  try {
    const reader = new PayloadReader(payload, 1);
    const plugin = reader.terminated().toString('latin1');
    return { plugin, challenge: reader.rest().subarray(0, CHALLENGE) };
  } catch (error) {
    if (error instanceof RangeError) throw protocol(target, 'sent a malformed request for another plugin');
    throw error;
  }
}

async function answer(exchange: Exchange, target: Target, { plugin, challenge }: Question): Promise<void> {
  const password = target.password ?? '';
  switch (plugin) {
    case NATIVE:
      exchange.send(nativeAnswer(password, challenge));
      return;
    case SHA2:
      exchange.send(sha2Answer(password, challenge));
      return;
    case CLEAR:
      if (!exchange.channel.encrypted) {
        throw method(
          target,
          `asks for the password in clear text over an unencrypted connection; use TLS there`,
        );
      }
      exchange.send(Buffer.from(`${password}\0`));
      return;
    case SHA256:
      if (password === '') exchange.send(Buffer.from([0]));
      else await wholePassword(exchange, target, { plugin, challenge }, KEY_PLEASE_SHA256);
      return;
    default:
      throw method(
        target,
        `asks for the authentication plugin "${plugin}", which is not spoken; use ${SHA2} or ${NATIVE} there`,
      );
  }
}

/** Under TLS as it is, otherwise by the key that the server shows. */
async function wholePassword(
  exchange: Exchange,
  target: Target,
  { challenge }: Question,
  keyPlease: Buffer,
): Promise<void> {
  const password = target.password ?? '';
  if (exchange.channel.encrypted) {
    exchange.send(Buffer.from(`${password}\0`));
    return;
  }
  exchange.send(keyPlease);
  const payload = await exchange.read();
  if (payload[0] === ERR) throw nodeRefused(target.node, payload);
  if (payload[0] !== MORE_DATA) throw protocol(target, 'was asked for its key and showed none');
  let bytes: Buffer;
  try {
    bytes = encrypted(password, payload.subarray(1), challenge);
  } catch (error) {
    throw protocol(target, 'showed a key that the password cannot be encrypted with', error);
  }
  exchange.send(bytes);
}

function method({ node }: Target, what: string): ProxyError {
  return new ProxyError('AUTH_METHOD', { side: 'server', retry: 'no', tell: `${node} ${what}` });
}

function protocol({ node }: Target, what: string, cause?: unknown): ProxyError {
  return new ProxyError('PROTOCOL', { side: 'server', retry: 'safe', tell: `${node} ${what}`, cause });
}
