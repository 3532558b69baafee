import type { IntentKind } from '../core/intent.ts';
import { plainIntent } from '../core/plain-intent.ts';
import type { RuleId } from './rules.ts';
import { stronger } from './traces.ts';
import type { MysqlIntent } from './wants.ts';

/** An intent of which all that is not named is as harmless as can be. */
export function intent(
  kind: IntentKind,
  because: RuleId,
  detail: string,
  more: Partial<MysqlIntent> = {},
): MysqlIntent {
  return { ...plainIntent(kind, because, detail), insertId: false, settingsOnly: false, ...more };
}

/** A text without a statement. */
export const NOTHING: MysqlIntent = intent('session', 'S06', '');

/** Something that is answered here alone, and cannot be sent. */
const REFUSED = {
  kill: 'KILL is answered by the proxy and must be the whole text, with a number',
} as const;

/** A text that would strike whoever has a number on the server that is another's here. */
export const refused = (because: RuleId, detail: string): MysqlIntent =>
  intent('session', because, detail, { here: true, refused: REFUSED.kill });

/**
 * The intent of several statements that are answered together. Reads stay a read, and so do reads behind a BEGIN
 * that is read only; everything else that is mixed goes to the primary as a whole.
 */
export function combine(intents: readonly MysqlIntent[]): MysqlIntent {
  const parts = intents.filter((part) => part.because !== NOTHING.because);
  const [only] = parts;
  if (only === undefined || parts.length === 1) return only ?? NOTHING;
  if (parts.some(isStrike)) return refused('S08', 'kill');
  const sent = parts.map(asSent);
  const pin = pinOf(sent);
  return {
    ...intent('write', 'W12', ''),
    ...kindOf(sent),
    begin: openedBy(sent),
    pin,
    ...failurePinOf(sent),
    ...(sent.some((part) => part.looksBack === true) ? { looksBack: true } : {}),
    names: namesOf(sent),
    insertId: sent.some((part) => part.insertId),
    settingsOnly: sent.every((part) => part.settingsOnly),
    ...(sent.some((part) => part.countsRows === true) ? { countsRows: true } : {}),
  };
}

const isStrike = (part: MysqlIntent): boolean => part.strikes !== undefined || part.refused !== undefined;

/** What would be answered here, if it is sent as one of several. */
function asSent(part: MysqlIntent): MysqlIntent {
  if (!part.here) return part;
  const { detail, question } = part;
  // A mode of the next transaction, or a tracker that is switched off: nothing else may use this link.
  if (question === undefined) return intent('write', 'W16', detail, { pin: 'session-state' });
  return intent('write', 'W06', detail, question.about === 'connection-id' ? {} : { looksBack: true });
}

/** The pin of all of them that nobody else would find out. */
export const pinOf = (parts: readonly MysqlIntent[]): MysqlIntent['pin'] =>
  parts.reduce<MysqlIntent['pin']>((pin, part) => stronger(pin, part.pin), undefined);

const failurePinOf = (parts: readonly MysqlIntent[]): Pick<MysqlIntent, 'failurePin'> => {
  const failurePin = parts.find((part) => part.failurePin !== undefined)?.failurePin;
  return failurePin === undefined ? {} : { failurePin };
};

function kindOf(parts: readonly MysqlIntent[]): Pick<MysqlIntent, 'kind' | 'because' | 'detail'> {
  const [first] = parts;
  const reads = parts.filter((part) => part.kind === 'read');
  const [read] = reads;
  if (first !== undefined) {
    const opens = first.kind === 'begin' && first.begin?.readOnly === true && !first.begin.serializable;
    if (read !== undefined && reads.length === parts.length - (opens ? 1 : 0)) return named('read', read);
    if (parts.every((part) => part.kind === 'session')) return named('session', first);
  }
  const write = parts.find((part) => part.kind === 'write');
  return write === undefined ? { kind: 'write', because: 'W12', detail: '' } : named('write', write);
}

const named = (
  kind: IntentKind,
  { because, detail }: MysqlIntent,
): Pick<MysqlIntent, 'kind' | 'because' | 'detail'> => ({ kind, because, detail });

/** The transaction that is open behind all of them. */
function openedBy(parts: readonly MysqlIntent[]): MysqlIntent['begin'] {
  let begin: MysqlIntent['begin'];
  for (const part of parts) {
    if (part.begin !== undefined) begin = { ...part.begin, alone: false };
    else if (part.kind === 'end') begin = undefined;
  }
  return begin;
}

function namesOf(parts: readonly MysqlIntent[]): MysqlIntent['names'] {
  if (parts.some((part) => part.names === 'changed')) return 'changed';
  return parts.some((part) => part.names === 'missed') ? 'missed' : 'known';
}

/**
 * The intent of one text under several readings, of which the server will take one: what all agree on; a read only if
 * it is one under all.
 */
export function reconcile(readings: readonly MysqlIntent[]): MysqlIntent {
  const [first = NOTHING] = readings;
  const same = JSON.stringify(first);
  if (readings.every((reading) => JSON.stringify(reading) === same)) return first;
  const parts = readings.filter((reading) => reading.because !== NOTHING.because);
  const [only] = parts;
  if (only !== undefined && parts.length === 1 && only.kind !== 'read') return only;
  if (parts.some(isStrike)) return refused('U04', 'kill');
  const sent = parts.map(asSent);
  return intent('write', 'U04', '', {
    pin: pinOf(sent),
    ...failurePinOf(sent),
    names: namesOf(sent),
    insertId: sent.some((part) => part.insertId),
    settingsOnly: sent.length > 0 && sent.every((part) => part.settingsOnly),
    ...(sent.some((part) => part.looksBack === true) ? { looksBack: true } : {}),
  });
}
