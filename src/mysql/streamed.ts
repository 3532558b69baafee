import type { PinReason } from '../core/intent.ts';
import { firstWord } from './first-word.ts';
import { unitIntent } from './unit-rules.ts';
import type { MysqlIntent } from './wants.ts';

/** Statements that leave no state behind but what trackers report, or what GET_LOCK holds. */
const STATELESS = new Set(['insert', 'replace', 'update', 'delete', 'load', 'select', 'with']);

const UNDERSCORE = 0x5f;
const BEFORE = 'get';
const BEHIND = 'lock';

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
  /** The end of what was seen, so that no name is cut in two. */
  #end: Buffer;

  constructor(beginning: Buffer, multi: boolean) {
    this.pin = multi || !STATELESS.has(firstWord(beginning)) ? 'streamed-text' : undefined;
    this.#end = Buffer.alloc(0);
    this.saw(beginning);
  }

  saw(bytes: Buffer): void {
    if (this.pin !== undefined) return;
    const all = this.#end.length === 0 ? bytes : Buffer.concat([this.#end, bytes]);
    if (takesLock(all)) this.pin = 'streamed-text';
    this.#end = Buffer.from(all.subarray(-(BEFORE.length + BEHIND.length)));
  }
}

const texts = new WeakMap<MysqlIntent, Streamed>();

/** Goes to the primary, and stays there if it may leave something behind that nobody has seen. */
export function streamedIntent(beginning: Buffer, multi: boolean): MysqlIntent {
  const text = new Streamed(beginning, multi);
  const intent = unitIntent('write', 'U05', 'larger than the limit', { insertId: true });
  Object.defineProperty(intent, 'pin', { get: () => text.pin, enumerable: true });
  texts.set(intent, text);
  return intent;
}

/** More of the text came by. */
export function streamsBy(intent: MysqlIntent | undefined, bytes: Buffer): void {
  if (intent !== undefined) texts.get(intent)?.saw(bytes);
}
