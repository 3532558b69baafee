import type { Intent, IntentKind } from '../core/intent.ts';
import { plainIntent } from '../core/plain-intent.ts';
import type { RuleId } from './rules.ts';

/** An intent by a rule of this engine. */
export const intent = (
  kind: IntentKind,
  because: RuleId,
  detail: string,
  more: Partial<Intent> = {},
): Intent => plainIntent(kind, because, detail, more);

/** A text without a statement. */
export const NOTHING: Intent = intent('session', 'S06', '');

/**
 * The intent of several statements, or messages, that are answered together. Reads stay a read, and so do
 * reads behind a BEGIN that is read only; everything else that is mixed goes to the primary as a whole.
 */
export function combine(intents: readonly Intent[]): Intent {
  const parts = intents.filter((part) => part.because !== NOTHING.because);
  const hint = hintOf(intents);
  const [only] = parts;
  if (only === undefined || parts.length === 1) {
    const one = only ?? NOTHING;
    return hint === one.hint ? one : { ...one, hint };
  }
  // Within one unit the settings of what was rolled back cannot be told from those that hold.
  const ended = parts.some((part) => part.kind === 'end' || part.because === 'S03');
  const settings = parts.flatMap((part) => part.settings);
  const asked = parts.flatMap((part) => part.asked ?? []);
  if (ended) asked.push(...settings.map(({ name }) => name));
  const looksBack = parts.find((part) => part.kind === 'write')?.looksBack === true;
  return {
    ...kindOf(parts),
    hint,
    begin: openedBy(parts),
    settings: ended ? [] : settings,
    pin: parts.find((part) => part.pin !== undefined)?.pin,
    audit: asked.length > 0 || endsAnother(parts) || parts.some((part) => part.audit),
    ...(asked.length > 0 ? { asked } : {}),
    ...(looksBack ? { looksBack } : {}),
    here: parts.every((part) => part.here),
    names: namesOf(parts),
  };
}

/** It ends a transaction that was open before it, or opens one behind one that it ends. */
function endsAnother(parts: readonly Intent[]): boolean {
  let ended = false;
  let open = false;
  for (const { kind } of parts) {
    if (kind === 'begin' && ended) return true;
    if (kind === 'end' && !open) return true;
    if (kind === 'begin') open = true;
    if (kind !== 'end') continue;
    ended = true;
    open = false;
  }
  return false;
}

function kindOf(parts: readonly Intent[]): Pick<Intent, 'kind' | 'because' | 'detail'> {
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
  { because, detail }: Intent,
): Pick<Intent, 'kind' | 'because' | 'detail'> => ({
  kind,
  because,
  detail,
});

/** The transaction that is open behind all of them. */
function openedBy(parts: readonly Intent[]): Intent['begin'] {
  let begin: Intent['begin'];
  for (const part of parts) {
    if (part.begin !== undefined) begin = { ...part.begin, alone: false };
    else if (part.kind === 'end') begin = undefined;
  }
  return begin;
}

function namesOf(parts: readonly Intent[]): Intent['names'] {
  if (parts.some((part) => part.names === 'changed')) return 'changed';
  return parts.some((part) => part.names === 'missed') ? 'missed' : 'known';
}

function hintOf(parts: readonly Intent[]): Intent['hint'] {
  const hints = parts.map((part) => part.hint).filter((hint) => hint !== undefined);
  return hints.find((hint) => hint.to === 'primary') ?? hints[0];
}
