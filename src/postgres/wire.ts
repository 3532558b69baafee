import type { Elsewhere, Wire } from '../core/wire.ts';
import { accept, reaccept, refuse } from './accept.ts';
import { cancel } from './cancel.ts';
import { PostgresClient } from './client.ts';
import { connect } from './connect.ts';
import { greet } from './greet.ts';
import { PostgresServer } from './server.ts';

/**
 * What a replica's refusal of a lone read means (Appendix A).
 * 25006 read-only; names it does not know yet: 42P01 table, 42703 column, 42883 function, 3F000 schema, 42704
 * object; 0A000 cannot serve it (unlogged tables, serializable). 40001, 40P01, 57P04: given up because of recovery.
 * Not 57014: that is the client's own time-out or cancel.
 */
const ELSEWHERE: Readonly<Record<string, Elsewhere>> = {
  '25006': 'primary',
  '42P01': 'primary',
  '42703': 'primary',
  '42883': 'primary',
  '42704': 'primary',
  '3F000': 'primary',
  '0A000': 'primary',
  '40001': 'replica',
  '40P01': 'replica',
  '57P04': 'replica',
};

export const wire: Wire = {
  accept,
  reaccept,
  greet,
  refuse,
  connect,
  cancel,
  client: (login) => new PostgresClient(login),
  server: (opened) => new PostgresServer(opened),
  elsewhere: (code) => ELSEWHERE[code],
  cosmetic: new Set(['application_name']),
  settingsRollBack: true,
  audits: true,
  errorFailsTransaction: true,
};
