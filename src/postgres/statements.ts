import type { FunctionLists } from '../core/function-lists.ts';
import type { Intent } from '../core/intent.ts';
import type { CatalogueView } from './catalogue.ts';
import { intent } from './combine.ts';
import { prove } from './proof.ts';
import { configCalls, configNames, resetEffect, type SettingEffect, setEffect } from './setting.ts';
import type { TokenList } from './token-list.ts';
import { WORD } from './tokens.ts';
import { afterNoise, endForm, transactionModes } from './transaction.ts';
import { CHANGING } from './words.ts';

/** What the names in a statement may be held against. */
export interface NameFacts {
  readonly catalogue: CatalogueView | undefined;
  readonly lists: FunctionLists;
}

/** One statement: the tokens from `from` to `to`, at least one. */
export interface Statement {
  readonly tokens: TokenList;
  readonly from: number;
  readonly to: number;
  readonly facts: NameFacts;
}

type Classify = (statement: Statement) => Intent;

const session =
  (because: 'S02' | 'S03' | 'S04' | 'S05', audit = false): Classify =>
  ({ tokens, from }) =>
    intent('session', because, tokens.text(from), { audit });

const write = (statement: Statement, more: Partial<Intent> = {}): Intent =>
  intent('write', 'W04', statement.tokens.text(statement.from), more);

/** By the first word. Every other word goes to the primary and is asked afterwards what it has left. */
const BY_WORD: Readonly<Record<string, Classify>> = {
  select: query,
  values: query,
  table: query,
  with: query,
  insert: query,
  update: query,
  delete: query,
  merge: query,
  truncate: query,
  explain,
  copy,
  declare,
  prepare,
  begin: (statement) => begin(statement, afterNoise(statement.tokens, statement.from + 1)),
  start: (statement) =>
    statement.tokens.is(statement.from + 1, 'transaction')
      ? begin(statement, statement.from + 2)
      : write(statement),
  commit: end,
  end,
  rollback: end,
  abort: end,
  savepoint: session('S03'),
  release: session('S03'),
  set: (statement) => effectOf(statement, setEffect(statement.tokens, statement.from, statement.to)),
  reset: (statement) => effectOf(statement, resetEffect(statement.tokens, statement.from, statement.to)),
  show: session('S02'),
  fetch: session('S04'),
  move: session('S04'),
  close: session('S05', true),
  deallocate: session('S05', true),
  discard: session('S05', true),
  unlisten: session('S05', true),
  execute: ({ tokens, from }) => intent('write', 'W13', tokens.text(from), { audit: true }),
  listen: (statement) => write(statement, { pin: 'listen' }),
  load: (statement) => write(statement, { pin: 'loaded-library' }),
  do: doBlock,
  create: schemaChange,
  alter: schemaChange,
  drop: schemaChange,
  import: schemaChange,
  notify: write,
  lock: write,
  vacuum: write,
  analyze: write,
  analyse: write,
  checkpoint: write,
  cluster: write,
  reindex: write,
  comment: write,
  grant: write,
  revoke: write,
};

/** What one statement wants. */
export function classifyStatement(statement: Statement): Intent {
  const { tokens, from, to } = statement;
  let at = from;
  while (at < to && tokens.mark(at, '(')) at++;
  const word = tokens.kind(at) === WORD ? tokens.text(at) : '';
  const known = Object.hasOwn(BY_WORD, word) ? BY_WORD[word] : undefined;
  if (known !== undefined && (at === from || isQueryWord(word))) return known(statement);
  return intent('write', 'W04', at < to ? tokens.text(at) : '', { audit: true });
}

/** A statement inside of one that may not hold another of its kind. */
function classifyInner(statement: Statement): Intent {
  const word = statement.tokens.text(statement.from);
  if (word === 'explain' || word === 'copy' || word === 'declare') return write(statement, { audit: true });
  return classifyStatement(statement);
}

const isQueryWord = (word: string): boolean =>
  word === 'select' || word === 'values' || word === 'table' || word === 'with';

/** SELECT and its kin, and the statements that change rows. */
function query(statement: Statement): Intent {
  const { tokens, from, to, facts } = statement;
  const proof = prove(tokens, from, to, facts.catalogue, facts.lists);
  const { first } = proof;
  if (first === undefined) return intent('read', 'R01', '');
  const changes = first.rule === 'W01' || first.rule === 'W03';
  const left = proof.setting ? settingsOf(statement) : {};
  return intent('write', first.rule, first.detail, {
    pin: proof.pin,
    audit: proof.audit || (changes && proof.loud),
    names: proof.unknown ? 'missed' : 'known',
    ...(proof.looksBack === '' ? {} : { looksBack: true, detail: proof.looksBack }),
    ...left,
  });
}

/** What set_config leaves behind: known if it is all there is, else nobody can tell about custom names. */
function settingsOf({ tokens, from, to }: Statement): Partial<Intent> {
  const settings = tokens.is(from, 'select') ? configCalls(tokens, from, to) : undefined;
  if (settings !== undefined) return { settings, audit: false };
  const asked = configNames(tokens, from, to);
  return asked === undefined ? { pin: 'session-setting', audit: true } : { asked, audit: true };
}

/** EXPLAIN [ANALYZE] [VERBOSE] statement, or EXPLAIN (options) statement: as the statement. */
function explain(statement: Statement): Intent {
  const { tokens, from } = statement;
  let at = from + 1;
  while (tokens.is(at, 'analyze') || tokens.is(at, 'analyse') || tokens.is(at, 'verbose')) at++;
  const options = at === from + 1 && tokens.mark(at, '(') && !startsQuery(tokens, at + 1);
  if (options) at = tokens.closing(at) + 1;
  if (at === 0 || at >= statement.to) return write(statement, { audit: true });
  const inner = classifyInner({ ...statement, from: at });
  if (inner.kind === 'read') return { ...inner, because: 'R02' };
  return {
    ...inner,
    kind: 'write',
    begin: undefined,
    settings: [],
    audit: inner.audit || inner.pin !== undefined,
  };
}

function startsQuery(tokens: TokenList, from: number): boolean {
  let at = from;
  while (tokens.mark(at, '(')) at++;
  return tokens.kind(at) === WORD && isQueryWord(tokens.text(at));
}

/** COPY (read) TO STDOUT is a read; every other COPY goes to the primary. */
function copy(statement: Statement): Intent {
  const { tokens, from, facts } = statement;
  const close = tokens.mark(from + 1, '(') ? tokens.closing(from + 1) : -1;
  if (close >= 0 && close < statement.to) {
    const inner = classifyInner({ ...statement, from: from + 2, to: close });
    if (inner.kind !== 'read') return { ...inner, kind: 'write', settings: [] };
    let out = tokens.is(close + 1, 'to') && tokens.is(close + 2, 'stdout');
    for (let at = close + 3; at < statement.to; at++) out &&= !CHANGING.has(tokens.text(at));
    return out ? { ...inner, because: 'R03' } : write(statement);
  }
  const table = tokens.is(from + 1, 'binary') ? from + 2 : from + 1;
  let at = table;
  while (tokens.mark(at + 1, '.')) at += 2;
  const quiet = facts.catalogue?.quiet.has(tokens.text(at)) === true;
  return write(statement, { audit: !quiet });
}

/** DECLARE name … CURSOR [WITH HOLD] FOR query */
function declare(statement: Statement): Intent {
  const { tokens, from, to } = statement;
  let at = from + 1;
  let hold = false;
  for (; at < to && !tokens.is(at, 'for'); at++) {
    if (tokens.is(at, 'hold') && tokens.is(at - 1, 'with')) hold = true;
  }
  if (at + 1 >= to) return write(statement, { audit: true });
  const inner = classifyInner({ ...statement, from: at + 1 });
  if (hold)
    return { ...inner, kind: 'write', because: 'W16', detail: 'with hold', pin: 'cursor', settings: [] };
  if (inner.kind === 'read') return intent('session', 'S04', 'declare');
  return { ...inner, kind: 'write', settings: [] };
}

/** PREPARE name AS statement; PREPARE TRANSACTION ends one. */
function prepare(statement: Statement): Intent {
  const { tokens, from, to } = statement;
  if (tokens.is(from + 1, 'transaction') && from + 3 === to)
    return intent('write', 'T03', 'prepare transaction');
  return intent('write', 'W16', 'prepare', { pin: 'prepared-statement' });
}

function begin(statement: Statement, at: number): Intent {
  const modes = transactionModes(statement.tokens, at, statement.to);
  const word = statement.tokens.text(statement.from);
  if (modes === undefined) return intent('write', 'T03', word);
  return intent('begin', 'T01', word, { begin: { ...modes, alone: true } });
}

function end({ tokens, from, to }: Statement): Intent {
  const word = tokens.text(from);
  const form = endForm(tokens, from, to);
  if (form === 'end') return intent('end', 'T02', word);
  // Settings of what is rolled back are as they were before.
  if (form === 'savepoint') return intent('session', 'S03', word, { audit: true });
  return intent('write', 'T03', word, { audit: true });
}

function effectOf({ tokens, from }: Statement, effect: SettingEffect): Intent {
  const word = tokens.text(from);
  switch (effect.kind) {
    case 'changes':
      return intent('session', 'S01', word, { settings: effect.changes });
    case 'local':
      return intent('session', 'S01', word, { audit: tokens.is(from + 1, 'constraints') });
    case 'transaction':
      return intent('write', 'T03', effect.word);
    case 'unclear':
      return intent('session', 'S01', word, {
        audit: true,
        pin: effect.custom ? 'session-setting' : undefined,
      });
  }
}

/** A block of code: custom settings that it makes are seen by nobody. */
function doBlock(statement: Statement): Intent {
  const { tokens, from, to } = statement;
  let sets = false;
  for (let at = from; at < to; at++)
    sets ||= /set_config|\bset\s+(session\s+)?[\w"]+\s*\.|'\s*set\s+(?!local\b)/i.test(tokens.text(at));
  return write(statement, { audit: true, pin: sets ? 'session-setting' : undefined });
}

/** CREATE, ALTER, DROP: what names mean changes, and a temporary object stays with its connection. */
function schemaChange(statement: Statement): Intent {
  const { tokens, from, to } = statement;
  let temporary = false;
  for (let at = from + 1; at < Math.min(to, from + 6); at++) {
    temporary ||=
      tokens.is(at, 'temp') || tokens.is(at, 'temporary') || tokens.text(at).startsWith('pg_temp');
  }
  const made = temporary && tokens.is(from, 'create') && !dropsAtCommit(tokens, to);
  return write(statement, {
    audit: true,
    pin: made ? 'temporary-object' : undefined,
    names: temporary ? 'known' : 'changed',
  });
}

/** … ON COMMIT DROP: an audit will find nothing. */
const dropsAtCommit = (tokens: TokenList, to: number): boolean =>
  tokens.is(to - 1, 'drop') && tokens.is(to - 2, 'commit');
