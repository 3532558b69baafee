import { once } from 'node:events';
import { connect } from 'node:net';
import { onread } from '../../src/net/shared-read.ts';
import {
  authenticationOk,
  GSSENC_REQUEST,
  parameterStatus,
  readyForQuery,
  SSL_REQUEST,
} from '../../src/postgres/messages.ts';
import { Visitor } from '../visitor.ts';
import type { FloorEngine } from './engine.ts';

const HOST = '127.0.0.1';
const GOODBYE = 0x58; // X
const READY = 0x5a; // Z
const IDLE = 0x49; // I
export const HEADER = 5;
/** PG 54.2.11: the code follows the length. */
export const CODE_AT = 4;
export const REFUSED = Buffer.from('N');
const PARAMETERS = { server_version: '18.0', client_encoding: 'UTF8', standard_conforming_strings: 'on' };
/** Says that it is let in. */
export const GREETING = Buffer.concat([
  authenticationOk,
  ...Object.entries(PARAMETERS).map(([name, value]) => parameterStatus(name, value)),
  readyForQuery('idle'),
]);

/** Queries of the simple protocol, as `pgbench -M simple` sends them. */
export const postgresFloor: FloorEngine = {
  connect: async (aim) => {
    const socket = connect({ port: aim.port, host: HOST, noDelay: true, onread });
    await once(socket, 'connect');
    await Visitor.logInOn(socket, aim);
    return socket;
  },
  admit: async (client) => {
    for (;;) {
      const [packet] = (await once(client, 'data')) as [Buffer];
      const code = packet.readUInt32BE(CODE_AT);
      if (code !== SSL_REQUEST && code !== GSSENC_REQUEST) break;
      client.write(REFUSED);
    }
    client.write(GREETING);
  },
  isGoodbye: (request) => request[0] === GOODBYE,
  answerEnd: postgresAnswerEnd,
};

/** PG 54.7: a type byte and a length that counts itself; ReadyForQuery ends the answer to a simple query. */
export function postgresAnswerEnd(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes.length - at >= HEADER) {
    const end = at + 1 + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) return -1;
    if (bytes[at] === READY) return end;
    at = end;
  }
  return -1;
}

/** PG 54.7: the last byte of ReadyForQuery says whether a transaction is open. */
export const isAtRest = (bytes: Buffer, end: number): boolean => bytes[end - 1] === IDLE;
