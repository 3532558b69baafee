import { ProxyError } from '../core/errors.ts';
import type { Intent } from '../core/intent.ts';
import type { Names } from './batch.ts';
import { combine, type TextClassifier } from './classify.ts';
import type { PostgresUnit } from './finder.ts';
import { textEnd } from './frames.ts';
import { message } from './messages.ts';
import { unitIntent } from './unit-rules.ts';

/** An unnamed statement larger than this is not kept to be sent again; it pins instead. */
const UNNAMED_LIMIT = 65_536;

const EMPTY = Buffer.alloc(0);

/** The unnamed statement lives until the next Parse of it or the next simple query (54.2.3). */
export interface Unnamed {
  /** The whole Parse message; empty if it is too large to be kept: the session is pinned then. */
  readonly parse: Buffer;
  /** The text in it. */
  readonly text: Buffer;
}

/** Takes the unnamed statement from a link. */
export const CLOSE_UNNAMED = message('C', 'S\0');

/** The unnamed statement behind messages that are passed on unread. */
export function unnamedAfter(bytes: Buffer, before: Unnamed | undefined): Unnamed | undefined {
  let unnamed = before;
  for (let at = 0; at + 7 <= bytes.length; ) {
    const end = at + bytes.readUInt32BE(at + 1) + 1;
    if (bytes[at] === 0x43 && bytes[at + 5] === 0x53 && bytes[at + 6] === 0) unnamed = undefined;
    if (bytes[at] === 0x50 && bytes[at + 5] === 0) {
      const parse = Buffer.from(bytes.subarray(at, end));
      const kept = end <= bytes.length && parse.length <= UNNAMED_LIMIT;
      unnamed = kept ? { parse, text: parse.subarray(6, textEnd(parse, 6, parse.length)) } : undefined;
    }
    at = end;
  }
  return unnamed;
}

/** Reads what one extended batch wants. */
export class BatchReader {
  /** A statement that was prepared under a name is defined, used or closed. */
  named = false;
  /** The unnamed statement of an earlier batch is used: its Parse, or a Close if the session has none. */
  front: Buffer | undefined;
  /** The batch closes the unnamed statement, and prepares none behind that. */
  closes = false;
  /** The text that the batch runs, the last one of several. */
  text: Buffer = EMPTY;
  /** The unnamed statement that the batch leaves. */
  unnamed: Unnamed | undefined;
  readonly #bytes: Buffer;
  readonly #texts: TextClassifier;
  readonly #names: Names | undefined;
  readonly #before: Unnamed | undefined;
  /** Texts that the batch names itself. */
  #own: Map<string, Buffer> | undefined;
  readonly #intents: Intent[] = [];
  /** The unnamed statement is that of an earlier batch. */
  #earlier = true;

  constructor(
    unit: PostgresUnit,
    texts: TextClassifier,
    names: Names | undefined,
    before: Unnamed | undefined,
  ) {
    this.#bytes = unit.bytes;
    this.#texts = texts;
    this.#names = names;
    this.#before = before;
  }

  read(): Intent {
    const bytes = this.#bytes;
    for (let at = 0; at + 5 <= bytes.length; ) {
      const end = at + bytes.readUInt32BE(at + 1) + 1;
      this.#message(at, end);
      at = end;
    }
    const [first] = this.#intents;
    if (first === undefined) return NOTHING;
    return this.#intents.length === 1 ? first : combine(this.#intents);
  }

  #message(at: number, end: number): void {
    const bytes = this.#bytes;
    switch (bytes[at]) {
      case 0x50: // P
        this.#parse(at, end);
        break;
      case 0x42: {
        // B: portal, statement
        const portalEnd = textEnd(bytes, at + 5, end);
        if (portalEnd < 0) throw malformed('Bind');
        // What is bound is taken for run: an Execute may come with a later batch.
        this.#intents.push(this.#run(this.#statement(portalEnd + 1, end)));
        break;
      }
      case 0x44: // D of a statement
        if (bytes[at + 5] === 0x53)
          this.#intents.push(described(this.#classified(this.#statement(at + 6, end))));
        break;
      case 0x43: // C of a statement
        if (bytes[at + 5] !== 0x53) break;
        if (bytes[at + 6] !== 0) this.#close(at, end);
        else this.#forget();
        break;
    }
  }

  #parse(at: number, end: number): void {
    const bytes = this.#bytes;
    const nameEnd = textEnd(bytes, at + 5, end);
    const stop = textEnd(bytes, nameEnd + 1, end);
    if (nameEnd < 0 || stop < 0) throw malformed('Parse');
    const text = bytes.subarray(nameEnd + 1, stop);
    if (nameEnd > at + 5) {
      this.named = true;
      this.#own ??= new Map();
      this.#own.set(bytes.toString('latin1', at + 5, nameEnd), text);
      if (!this.#isRunNext(end)) this.#intents.push(described(this.#texts.classify(text)));
      return;
    }
    this.#earlier = false;
    this.closes = false;
    if (end - at > UNNAMED_LIMIT) {
      this.#intents.push({ ...this.#texts.classify(text), kind: 'write', pin: 'unnamed-statement' });
      this.unnamed = { parse: EMPTY, text };
      return;
    }
    this.unnamed = this.#remembered(bytes.subarray(at, end), nameEnd + 1 - at, stop - at);
    if (!this.#isRunNext(end)) this.#intents.push(described(this.#texts.classify(text)));
  }

  /** The unnamed statement is kept as a copy; the same one again costs no second copy. */
  #remembered(parse: Buffer, textStart: number, textStop: number): Unnamed {
    const before = this.#before;
    if (before?.parse.equals(parse) === true) return before;
    const copy = Buffer.from(parse);
    return { parse: copy, text: copy.subarray(textStart, textStop) };
  }

  /** The message at `at` binds: then it says what the Parse before it is for. */
  #isRunNext(at: number): boolean {
    return this.#bytes[at] === 0x42;
  }

  /** The text of the statement whose name begins at `at`; undefined: nothing is known of it. */
  #statement(at: number, end: number): Buffer | undefined {
    const nameEnd = textEnd(this.#bytes, at, end);
    if (nameEnd < 0) throw malformed('Bind or Describe');
    if (nameEnd === at) {
      if (!this.#earlier) return this.unnamed?.text;
      // Whose unnamed statement the link has is not known: the session's own is sent again, or there is none.
      this.front = this.#before === undefined ? CLOSE_UNNAMED : this.#before.parse;
      return this.#before?.text;
    }
    const name = this.#bytes.toString('latin1', at, nameEnd);
    const text = this.#own?.get(name) ?? this.#names?.get(name)?.text;
    if (text !== undefined) this.named = true;
    return text;
  }

  #forget(): void {
    this.#earlier = false;
    this.closes = true;
    this.unnamed = undefined;
  }

  #classified(text: Buffer | undefined): Intent {
    return text === undefined ? PREPARED : this.#texts.classify(text);
  }

  /** It wants one thing only. */
  get single(): boolean {
    return this.#intents.length === 1;
  }

  #run(text: Buffer | undefined): Intent {
    this.text = text ?? EMPTY;
    return this.#classified(text);
  }

  /** Closing a name that the proxy does not know may free the link of a pinned session. */
  #close(at: number, end: number): void {
    const nameEnd = textEnd(this.#bytes, at + 6, end);
    if (nameEnd < 0) throw malformed('Close');
    const name = this.#bytes.toString('latin1', at + 6, nameEnd);
    if (this.#own?.has(name) === true || this.#names?.has(name) === true) this.named = true;
    else this.#intents.push(CLOSED);
  }
}

/** Preparing or describing a statement runs nothing of it. */
function described(intent: Intent): Intent {
  return intent.kind === 'read' ? PREPARE_READ : PREPARE;
}

/** A batch of nothing but Sync, or about portals. */
const NOTHING = unitIntent('session', 'S00', '');
const PREPARE_READ = unitIntent('read', 'P00', 'prepare');
const PREPARE = unitIntent('write', 'P01', 'prepare');
/** A statement of which nothing is known here. */
const PREPARED = unitIntent('write', 'P02', 'prepared statement');
const CLOSED = unitIntent('session', 'P03', '', { audit: true });

function malformed(message: string): ProxyError {
  return new ProxyError('PROTOCOL', {
    side: 'client',
    retry: 'no',
    tell: `a ${message} message without the end of its text`,
  });
}
