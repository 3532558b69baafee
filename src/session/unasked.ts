import type { Outcome } from '../core/wire.ts';

/** What a client side learns where no server was asked. */
export const unasked: Outcome = {
  status: 'idle',
  error: '',
  message: '',
  rolledBack: false,
  settingChanged: false,
  changes: [],
  pin: undefined,
  rows: [],
};
