import type { PinReason } from '../core/intent.ts';
import type { CatalogueView } from './catalogue.ts';
import { firstWord } from './first-word.ts';
import { unitIntent } from './unit-rules.ts';
import type { MysqlIntent } from './wants.ts';

/** Statements that leave no state behind but what trackers report, or what GET_LOCK holds. */
const STATELESS = new Set(['insert', 'replace', 'update', 'delete', 'load', 'select', 'with']);

const UNDERSCORE = 0x5f;
const BEFORE = 'get';
const BEHIND = 'lock';

/** In these any @ may be a variable that is set; in the others := sets one. Trackers say nothing of either. */
const VARIABLES = new Set(['load', 'select', 'with']);

/** Does GET_LOCK stand in these bytes? */
function takesLock(bytes: Buffer): boolean {
  for (let at = bytes.indexOf(UNDERSCORE); at >= 0; at = bytes.indexOf(UNDERSCORE, at + 1)) {
    if (at < BEFORE.length) continue;
    const around = bytes.toString('latin1', at - BEFORE.length, at + 1 + BEHIND.length);
    if (around.toLowerCase() === `${BEFORE}_${BEHIND}`) return true;
  }
  return false;
}

/** The intent of a text that is passed on as it streams by: what pins is known when all of it was seen. */
class Streamed {
  pin: PinReason | undefined;
  readonly #sets: string;
  /** The end of what was seen, so that no name is cut in two. */
  #end: Buffer;

  /** `word`: its first one. `doubtful`: stored code may leave something behind. */
  constructor(beginning: Buffer, word: string, doubtful: boolean) {
    this.pin = doubtful ? 'streamed-text' : undefined;
    this.#sets = VARIABLES.has(word) ? '@' : ':=';
    this.#end = Buffer.alloc(0);
    this.saw(beginning);
  }

  saw(bytes: Buffer): void {
    if (this.pin !== undefined) return;
    const all = this.#end.length === 0 ? bytes : Buffer.concat([this.#end, bytes]);
    if (all.includes(this.#sets) || takesLock(all)) this.pin = 'streamed-text';
    this.#end = Buffer.from(all.subarray(-(BEFORE.length + BEHIND.length)));
  }
}

const texts = new WeakMap<MysqlIntent, Streamed>();

/** Goes to the primary, and stays there if it may leave something behind that nobody has seen. */
export function streamedIntent(
  beginning: Buffer,
  multi: boolean,
  catalogue: CatalogueView | undefined,
): MysqlIntent {
  const word = firstWord(beginning);
  const known = !multi && STATELESS.has(word);
  const { firesAny = false, hasFunctions = false, routinesLock = false } = catalogue ?? {};
  const stored = firesAny || (hasFunctions && routinesLock);
  const text = new Streamed(beginning, word, !known || stored);
  const intent = unitIntent('write', 'U05', 'larger than the limit', {
    insertId: true,
    names: known ? 'known' : 'changed',
  });
  Object.defineProperty(intent, 'pin', { get: () => text.pin, enumerable: true });
  texts.set(intent, text);
  return intent;
}

/** More of the text came by. */
export function streamsBy(intent: MysqlIntent | undefined, bytes: Buffer): void {
  if (intent !== undefined) texts.get(intent)?.saw(bytes);
}
