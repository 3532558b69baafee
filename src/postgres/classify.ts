import type { Catalogue } from '../core/catalogue.ts';
import { Cost } from '../core/cost.ts';
import { DigestCache } from '../core/digest-cache.ts';
import { type FunctionLists, listsId } from '../core/function-lists.ts';
import { hintOf, readHint } from '../core/hints.ts';
import type { Alone, Hint, Intent } from '../core/intent.ts';
import { type CatalogueView, viewOf } from './catalogue.ts';
import { combine, intent, NOTHING } from './combine.ts';
import { Digest } from './digest.ts';
import { Sample } from './sample.ts';
import { classifyStatement } from './statements.ts';
import { TokenList } from './token-list.ts';
import { Scanner } from './tokens.ts';

export { combine };

/** What the meaning of a text depends on. */
export interface TextFacts {
  /** The session's standard_conforming_strings is on. */
  readonly standardConformingStrings: boolean;
  /** The session's client_encoding. */
  readonly encoding: string;
  /** What the names mean; undefined: nothing is known, and only statements without names are reads. */
  readonly catalogue: Catalogue | undefined;
  /** Functions that the configuration declares harmless, or not. */
  readonly lists: FunctionLists;
  /** The session's default_transaction_isolation is serializable: no standby can run that. */
  readonly serializable?: boolean;
  /** The session's `pointsman.route`: a hint for statements without one of their own. */
  readonly route?: string | undefined;
}

/** Encodings in which a byte below 128 can be the second half of a character (mb/pg_wchar.h: client only). */
const OVERLAPPING = new Set([
  'sjis',
  'shiftjis',
  'mskanji',
  'win932',
  'windows932',
  'big5',
  'win950',
  'windows950',
  'gbk',
  'win936',
  'windows936',
  'uhc',
  'win949',
  'windows949',
  'gb18030',
  'johab',
  'shiftjis2004',
]);
const SAFE =
  /^(utf8|unicode|sqlascii|latin\d+|iso8859\d+|win\d+|windows\d+|koi8\w*|euc\w+|abc|tcvn\w*|vscii|alt|muleinternal)$/;

const digest = new Digest();
const scanner = new Scanner();
/** What a normal form wants, and a text that has it. */
type Known = Intent & { readonly sample: Sample | undefined };

const cache = new DigestCache<Known>();
/** After so many texts that were like the one before, a session's next one is looked up: what is used must not look unused. */
const LOOKED_UP_EVERY = 64;

/** The bytes in front of a normal form that keep apart what depends on more than the text. */
const PREFIX = 6;
/** A longer normal form is not remembered: it would push out too many others. */
const KEY_LIMIT = 16_384;
/** Functions and views that tell the name of the application. */
const TELLS_SETTINGS = /setting|pg_stat|show_all/;

/**
 * What a text of one or more statements wants. Remembered by the text's normal form: the answer for a text
 * whose form is known costs one pass over its bytes.
 */
export function classifyText(text: Uint8Array, facts: TextFacts): Intent {
  const encoding = encodingOf(facts.encoding);
  if (encoding === 'other') return intent('write', 'U02', facts.encoding, { audit: true });
  const { standardConformingStrings } = facts;
  if (!digest.normalize(text, standardConformingStrings, PREFIX) || digest.literal) {
    return ofSession(classifyTokens(text, facts, standardConformingStrings, encoding), facts);
  }
  const form = (): Buffer => digest.bytes.subarray(PREFIX, digest.length);
  if (digest.length > KEY_LIMIT) return ofSession(classifyTokens(form(), facts, true, encoding), facts);
  writePrefix(facts, encoding);
  const key = digest.bytes.toString('latin1', 0, digest.length);
  const known = cache.get(key);
  if (known !== undefined) return ofSession(known, facts);
  const judged = classifyTokens(form(), facts, true, encoding);
  const alone = aloneBecause(judged, key);
  const sample = standardConformingStrings ? Sample.of(text) : undefined;
  const found = alone === undefined ? { ...judged, cost: new Cost(), sample } : { ...judged, alone, sample };
  cache.set(key, found);
  return ofSession(found, facts);
}

/** Classifies the texts of one session, which are often like the one before. */
export class TextClassifier {
  readonly facts: TextFacts;
  /** A text like the last one, and what it wants. */
  #sample: Sample | undefined;
  #wants: Intent | undefined;
  #matched = 0;

  constructor(facts: TextFacts) {
    this.facts = facts;
  }

  classify(text: Uint8Array): Intent {
    const wants = this.#wants;
    if (wants !== undefined && this.#sample?.matches(text) === true && ++this.#matched < LOOKED_UP_EVERY) {
      return wants;
    }
    const intent: Intent & Partial<Known> = classifyText(text, this.facts);
    // What a backslash in a string means is not part of the normal form: one may come from another kind of session.
    this.#sample = this.facts.standardConformingStrings ? intent.sample : undefined;
    this.#wants = intent;
    this.#matched = 0;
    return intent;
  }
}

/** Undefined: one read, whose answer cannot tell sessions apart that differ in cosmetic settings only. */
function aloneBecause({ kind, names, audit, pin, begin }: Intent, key: string): Alone | undefined {
  if (kind !== 'read') return 'no-read';
  if (names !== 'known') return 'unknown-names';
  if (audit || pin !== undefined) return 'leaves-state';
  if (begin !== undefined) return 'begins';
  const more = key.indexOf(';', PREFIX);
  if (more >= 0 && more < key.length - 1) return 'several';
  return TELLS_SETTINGS.test(key) ? 'tells-apart' : undefined;
}

/** What holds for a session's every statement. */
function ofSession(found: Intent, facts: TextFacts): Intent {
  let result = found;
  if (facts.serializable === true) {
    if (result.kind === 'read') result = { ...result, kind: 'write', because: 'W15', detail: '' };
    if (result.begin !== undefined) result = { ...result, begin: { ...result.begin, serializable: true } };
  }
  if (facts.route !== undefined && facts.route !== '' && result.hint === undefined) {
    result = { ...result, hint: hintOf(facts.route) };
  }
  return result;
}

/** Without the cache. */
function classifyTokens(
  text: Uint8Array,
  facts: TextFacts,
  standard: boolean,
  encoding: 'utf8' | 'safe',
): Intent {
  const tokens = new TokenList(text, standard, encoding === 'utf8');
  const hint = leadingHint(text, standard);
  if (!tokens.certain) return intent('write', 'U01', 'text', { hint, audit: true });
  const catalogue: CatalogueView | undefined =
    facts.catalogue === undefined ? undefined : viewOf(facts.catalogue);
  const names = { catalogue, lists: facts.lists };
  const intents: Intent[] = [];
  let from = 0;
  for (let at = 0; at <= tokens.length; at++) {
    if (at < tokens.length && !tokens.mark(at, ';')) continue;
    if (at > from) intents.push(classifyStatement({ tokens, from, to: at, facts: names }));
    from = at + 1;
  }
  const all = intents.length === 0 ? NOTHING : combine(intents);
  return hint === undefined ? all : { ...all, hint };
}

function leadingHint(text: Uint8Array, standard: boolean): Hint | undefined {
  scanner.begin(text, standard);
  scanner.next();
  if (scanner.start === 0) return undefined;
  return readHint(Buffer.from(text.buffer, text.byteOffset, scanner.start).toString('latin1'));
}

function encodingOf(name: string): 'utf8' | 'safe' | 'other' {
  if (name === 'UTF8') return 'utf8';
  const plain = name.toLowerCase().replace(/[^a-z0-9]/g, '');
  if (plain === 'utf8' || plain === 'unicode') return 'utf8';
  return SAFE.test(plain) && !OVERLAPPING.has(plain) ? 'safe' : 'other';
}

function writePrefix(facts: TextFacts, encoding: 'utf8' | 'safe'): void {
  const id = listsId(facts.lists);
  const { bytes } = digest;
  const catalogue = facts.catalogue === undefined ? 0 : viewOf(facts.catalogue).id;
  bytes[0] = encoding === 'utf8' ? 1 : 0;
  bytes[1] = catalogue & 255;
  bytes[2] = (catalogue >>> 8) & 255;
  bytes[3] = (catalogue >>> 16) & 255;
  bytes[4] = id & 255;
  bytes[5] = (id >>> 8) & 255;
}
