import type { Catalogue } from '../core/catalogue.ts';
import { companyOf } from '../core/company.ts';
import type { Explained } from '../core/engine.ts';
import type { FunctionLists } from '../core/function-lists.ts';
import { assumedCatalogue, viewOf } from './catalogue.ts';
import { classifyText } from './classify.ts';
import { MYSQL_RULES, type RuleId } from './rules.ts';
import type { MysqlIntent } from './wants.ts';

/** An answer that rests on something nobody has checked says so. */
export interface Assumed extends Explained {
  readonly assumption?: string;
}

const NO_LISTS: FunctionLists = { allow: new Set(), deny: new Set() };

/**
 * Where a text would go, and by which rule; the text as a session in UTF-8 with the defaults sends it. Without
 * a catalogue its relations are taken for plain tables, and the answer says so.
 */
export function explainText(
  text: string,
  database: string,
  catalogue: Catalogue | undefined,
  lists: FunctionLists = NO_LISTS,
): Assumed {
  const taken = new Set<string>();
  const schema = database === '' && catalogue === undefined ? UNNAMED : database;
  const told = (name: string): void =>
    void taken.add(name.startsWith(`${UNNAMED}.`) ? name.slice(UNNAMED.length + 1) : name);
  const bytes = Buffer.from(text);
  const intent = classifyText(bytes, {
    sqlMode: '',
    charset: 'utf8mb4',
    schema,
    catalogue: catalogue ?? assumedCatalogue(told),
    lists,
    version: catalogue === undefined ? '' : viewOf(catalogue).version,
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

/** In the place of the schema where nobody has named one. */
const UNNAMED = '(schema)';

function routeOf(intent: MysqlIntent): string {
  if (intent.kind === 'read') return intent.hint?.to === 'primary' ? 'primary' : 'replica';
  return intent.begin?.alone === true && intent.begin.readOnly && !intent.begin.serializable
    ? 'replica'
    : 'primary';
}

function reasonOf(intent: MysqlIntent): string {
  if (intent.kind === 'read' && intent.hint?.to === 'primary') return 'a hint asks for the primary';
  const reason = Object.hasOwn(MYSQL_RULES, intent.because)
    ? MYSQL_RULES[intent.because as RuleId]
    : intent.because;
  if (intent.refused !== undefined) return `${reason}; refused: ${intent.refused}`;
  if (intent.here) return `${reason}; it is answered by the proxy`;
  if (intent.kind === 'session')
    return `${reason}; it runs where the transaction is, and outside of one on the primary`;
  if (intent.begin?.alone === true)
    return `${reason}; it is held back until the first statement says which server`;
  return reason;
}
