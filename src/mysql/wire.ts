import type { Elsewhere, Wire } from '../core/wire.ts';
import { accept, reaccept, refuse } from './accept.ts';
import { cancel } from './cancel.ts';
import { MysqlClient } from './client.ts';
import { connect } from './connect.ts';
import { greet } from './greet.ts';
import { MysqlServer } from './server.ts';

/**
 * What a replica's refusal of a lone read means (Server Error Message Reference).
 * Read-only: 1290, 1836, 3100. Names or rights it does not know yet: 1049 schema, 1054 column, 1146 table, 1305
 * routine, 1044, 1045, 1142, 1143, 1227, 1370 rights. 1053 it shuts down. Not 1792: that is the client's own READ
 * ONLY; not 1317 and 3024: its own cancel and time limit.
 */
const ELSEWHERE: Readonly<Record<string, Elsewhere>> = {
  '1290': 'primary',
  '1836': 'primary',
  '3100': 'primary',
  '1044': 'primary',
  '1045': 'primary',
  '1049': 'primary',
  '1054': 'primary',
  '1142': 'primary',
  '1143': 'primary',
  '1146': 'primary',
  '1227': 'primary',
  '1305': 'primary',
  '1370': 'primary',
  '1053': 'replica',
};

export const wire: Wire = {
  accept,
  reaccept,
  greet,
  refuse,
  connect,
  cancel,
  client: (login) => new MysqlClient(login),
  server: (opened) => new MysqlServer(opened),
  elsewhere: (code) => ELSEWHERE[code],
  cosmetic: new Set(),
  settingsRollBack: false,
  audits: false,
  errorFailsTransaction: false,
};
