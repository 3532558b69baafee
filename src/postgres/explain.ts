import type { Catalogue } from '../core/catalogue.ts';
import { companyOf } from '../core/company.ts';
import type { Explained } from '../core/engine.ts';
import type { FunctionLists } from '../core/function-lists.ts';
import type { Intent } from '../core/intent.ts';
import { assumedCatalogue } from './catalogue.ts';
import { classifyText } from './classify.ts';
import { RULES, type RuleId } from './rules.ts';

const NO_LISTS: FunctionLists = { allow: new Set(), deny: new Set() };

/**
 * Where a text would go, and by which rule; the text as a session in UTF-8 with the defaults sends it. Without
 * a catalogue its relations are taken for plain tables, and the answer says so.
 */
export function explainText(
  text: string,
  catalogue: Catalogue | undefined,
  lists: FunctionLists = NO_LISTS,
): Explained {
  const taken = new Set<string>();
  const bytes = Buffer.from(text);
  const intent = classifyText(bytes, {
    standardConformingStrings: true,
    encoding: 'UTF8',
    catalogue: catalogue ?? assumedCatalogue((name) => taken.add(name)),
    lists,
  });
  const explained = {
    kind: intent.kind,
    route: routeOf(intent),
    rule: intent.hint?.to === 'primary' && intent.kind === 'read' ? 'H01' : intent.because,
    detail: intent.detail,
    reason: reasonOf(intent),
    lane: companyOf(intent, bytes.length),
  };
  if (catalogue !== undefined) return explained;
  const names = [...taken].map((name) => `"${name}"`).join(', ');
  const tables = names === '' ? '' : `; ${names} taken for plain tables`;
  return { ...explained, assumption: `no server was asked: nothing but builtin functions is known${tables}` };
}

function routeOf(intent: Intent): string {
  if (intent.kind === 'read') return intent.hint?.to === 'primary' ? 'primary' : 'replica';
  return intent.begin?.alone === true && intent.begin.readOnly && !intent.begin.serializable
    ? 'replica'
    : 'primary';
}

function reasonOf(intent: Intent): string {
  if (intent.kind === 'read' && intent.hint?.to === 'primary') return 'a hint asks for the primary';
  const reason = Object.hasOwn(RULES, intent.because) ? RULES[intent.because as RuleId] : intent.because;
  if (intent.kind === 'session')
    return `${reason}; it runs where the transaction is, and outside of one on the primary`;
  if (intent.begin?.alone === true)
    return `${reason}; it is held back until the first statement says which server`;
  return reason;
}
