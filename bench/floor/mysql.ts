import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import mysql from 'mysql2/promise';
import * as can from '../../src/mysql/capabilities.ts';
import { greetingPacket, loginRequest, newChallenge, parseGreeting } from '../../src/mysql/handshake.ts';
import { EOF, ERR, MORE_DATA, OK, okPacket } from '../../src/mysql/messages.ts';
import { HEADER, lengthAt, packet } from '../../src/mysql/packets.ts';
import { nativeAnswer, sha2Answer } from '../../src/mysql/scrambles.ts';
import { onread } from '../../src/net/shared-read.ts';
import type { Aim } from '../pgbench.ts';
import type { FloorEngine } from './engine.ts';

const HOST = '127.0.0.1';
const GOODBYE = 0x01; // COM_QUIT
/** A longer packet that begins like an EOF is a row. */
const EOF_BELOW = 9;
const SHA2 = 'caching_sha2_password';
const NATIVE = 'mysql_native_password';
/** caching_sha2_password: the hash is the one that it keeps. */
const RIGHT = 0x03;
/** utf8mb4_general_ci */
const UTF8MB4 = 45;
/** The same on both sides, so that answers can be passed on as they are. */
const OFFERED =
  can.LONG_PASSWORD |
  can.CONNECT_WITH_DB |
  can.PROTOCOL_41 |
  can.TRANSACTIONS |
  can.SECURE_CONNECTION |
  can.MULTI_RESULTS |
  can.PLUGIN_AUTH |
  can.PLUGIN_AUTH_LENENC |
  can.CONNECT_ATTRS;

/** Queries as text, as sysbench's point select sends them. */
export const mysqlFloor: FloorEngine = {
  connect: async (aim) => {
    // What caching_sha2_password is for: from the first log-in on it takes a hash over a plain connection.
    const first = await mysql.createConnection({ host: HOST, ...aim });
    await first.end();
    const socket = connect({ port: aim.port, host: HOST, noDelay: true, onread });
    await logIn(socket, aim);
    return socket;
  },
  admit: async (client) => {
    client.write(
      greetingPacket({
        ...{ version: '8.4.0', id: 1, challenge: newChallenge() },
        ...{ capabilities: OFFERED, plugin: NATIVE },
      }),
    );
    const [login] = (await once(client, 'data')) as [Buffer];
    const sequence = login.readUInt8(HEADER - 1) + 1;
    client.write(okPacket(sequence, { status: can.STATUS_AUTOCOMMIT }, false));
  },
  isGoodbye: (request) => request[HEADER] === GOODBYE,
  answerEnd: mysqlAnswerEnd,
};

/** By the plugin of the server's greeting, which is that of the account. Rejects if it is refused. */
async function logIn(socket: Socket, { user, password, database }: Aim): Promise<void> {
  const [greeting] = (await once(socket, 'data')) as [Buffer];
  const { plugin, challenge } = parseGreeting(greeting.subarray(HEADER));
  const answer = (plugin === SHA2 ? sha2Answer : nativeAnswer)(password, challenge);
  const asked = { capabilities: OFFERED, collation: UTF8MB4, attributes: new Map<string, string>() };
  socket.write(packet(1, loginRequest({ ...asked, user, schema: database, plugin, answer })));
  for (let said: number | undefined; said !== OK; ) {
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    // Its word that the hash is right may come alone, or with the OK behind it.
    const at = isHashRight(bytes) ? HEADER + 2 : 0;
    said = at < bytes.length ? bytes[at + HEADER] : undefined;
    if (said !== undefined && said !== OK) throw new Error(`not let in: ${bytes.toString('latin1', at)}`);
  }
}

const isHashRight = (bytes: Buffer): boolean => bytes[HEADER] === MORE_DATA && bytes[HEADER + 1] === RIGHT;

/** One OK or ERR; or columns and an EOF, rows and an EOF or an ERR ("COM_QUERY Response"). */
export function mysqlAnswerEnd(bytes: Buffer, from: number): number {
  let at = from;
  let ends = 0;
  while (bytes.length - at > HEADER) {
    const length = lengthAt(bytes, at);
    const end = at + HEADER + length;
    if (end > bytes.length) return -1;
    const head = bytes[at + HEADER];
    if (head === ERR || (head === OK && at === from)) return end;
    if (head === EOF && length < EOF_BELOW) ends++;
    if (ends === 2) return end;
    at = end;
  }
  return -1;
}
