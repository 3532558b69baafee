import type { PinReason } from '../core/intent.ts';

/** Pins of which the server cannot tell whether their state is still there. */
const UNSEEN: ReadonlySet<PinReason> = new Set<PinReason>([
  'session-pooling',
  'session-setting',
  'session-state',
  'user-variable',
  'table-lock',
  'unnamed-statement',
  'loaded-library',
  'two-phase',
  'streamed-text',
]);

/** The session has something on its link, beyond being bound to it by configuration. */
export const keepsState = (pins: readonly PinReason[]): boolean =>
  pins.some((pin) => pin !== 'session-pooling');

/** An audit says whether the state behind this pin is still there. */
export const auditSees = (pin: PinReason): boolean => !UNSEEN.has(pin);
