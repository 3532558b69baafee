import { intent, refused } from './combine.ts';
import { schemaChange } from './definition.ts';
import type { Findings } from './findings.ts';
import { partsOf } from './lookaround.ts';
import { prove } from './proof.ts';
import { questionOf, warningsOf } from './question.ts';
import { classifySet } from './set.ts';
import { other, type Statement } from './statement.ts';
import { NUMBER, WORD } from './tokens.ts';
import { firedBy, stronger } from './traces.ts';
import { endForm, startModes } from './transaction.ts';
import type { MysqlIntent } from './wants.ts';

type Classify = (statement: Statement) => MysqlIntent;

/** By the first word. Every other word goes to the primary. */
const BY_WORD: Readonly<Record<string, Classify>> = {
  select: query,
  values: query,
  table: query,
  with: query,
  explain,
  describe: explain,
  desc: explain,
  analyze: (statement) =>
    // Not ANALYZE TABLE, which writes.
    ['select', 'with', 'values'].includes(statement.tokens.text(innerOf(statement)))
      ? explain(statement)
      : other(statement),
  begin: ({ tokens, from, to }) => {
    const alone = from + 1 === to || (tokens.is(from + 1, 'work') && from + 2 === to);
    return alone ? begins('begin', false) : write('begin');
  },
  start,
  commit: end,
  rollback: end,
  savepoint: () => intent('session', 'S03', 'savepoint'),
  release: ({ tokens, from }) =>
    tokens.is(from + 1, 'savepoint') ? intent('session', 'S03', 'release') : write('release'),
  xa,
  set: ({ tokens, from, to, facts }) => classifySet(tokens, from, to, facts),
  use: () => intent('session', 'S01', 'use', { settingsOnly: true }),
  show,
  help: () => intent('session', 'S02', 'help'),
  kill,
  prepare: (statement) => other(statement, { pin: 'prepared-statement' }, 'W16'),
  execute: (statement) =>
    other(
      statement,
      {
        pin: statement.tokens.is(statement.from + 1, 'immediate') ? 'session-state' : undefined,
        // Its text may be any.
        names: 'changed',
      },
      'W13',
    ),
  create: schemaChange,
  alter: schemaChange,
  drop: schemaChange,
  rename: schemaChange,
  import: schemaChange,
  install: schemaChange,
  uninstall: schemaChange,
  lock,
  unlock: ({ tokens, from }) =>
    intent('write', 'W04', 'unlock', tokens.is(from + 1, 'instance') ? {} : { unpin: 'table-lock' }),
  flush,
  backup: () => intent('write', 'W16', 'backup', { pin: 'session-state' }),
  handler: () => intent('write', 'W16', 'handler', { pin: 'session-state' }),
  // Events of a binary log: the first one says how the others are to be read, on this connection.
  binlog: () => intent('write', 'W16', 'binlog', { pin: 'session-state' }),
  get: () => intent('write', 'W06', 'get diagnostics', { looksBack: true, pin: 'user-variable' }),
  call,
  do: evaluate,
  grant: () => write('grant'),
  revoke: () => write('revoke'),
  insert: change,
  replace: change,
  update: change,
  delete: change,
};

const write = (detail: string): MysqlIntent => intent('write', 'W04', detail);

const isQueryWord = (word: string): boolean =>
  word === 'select' || word === 'values' || word === 'table' || word === 'with';

/** What one statement wants. */
export function classifyStatement(statement: Statement): MysqlIntent {
  const { tokens, from, to } = statement;
  let at = from;
  while (at < to && tokens.mark(at, '(')) at++;
  const word = tokens.kind(at) === WORD ? tokens.text(at) : '';
  const known = Object.hasOwn(BY_WORD, word) ? BY_WORD[word] : undefined;
  if (known !== undefined && (at === from || isQueryWord(word))) return known(statement);
  return other(statement);
}

/** What a statement may leave behind that is seen by its text. */
function left(found: Findings): Partial<MysqlIntent> {
  return {
    pin: found.pin,
    names: found.unknown ? 'missed' : 'known',
    insertId: found.insertId,
    ...(found.looksBack ? { looksBack: true } : {}),
  };
}

/** SELECT and its kin. */
function query(statement: Statement): MysqlIntent {
  const { tokens, from, to, facts } = statement;
  const question = questionOf(tokens, from, to);
  if (question !== undefined) {
    return intent('session', 'S07', question.about, { here: true, question });
  }
  const found = prove(tokens, from, to, facts);
  const result = judged(found, 'R01');
  const released = unpinned(statement);
  if (released.unpin !== undefined) return { ...result, unpin: released.unpin };
  // WITH … UPDATE.
  const fired = result.because === 'W01' ? firedBy(tokens, from, to, facts) : undefined;
  return fired === undefined ? result : { ...result, pin: stronger(fired, result.pin) };
}

function judged(found: Findings, rule: 'R01' | 'R02'): MysqlIntent {
  const more = { ...left(found), ...(found.countsRows ? { countsRows: true } : {}) };
  const { first } = found;
  if (first !== undefined) {
    const pin = more.pin ?? (found.setsInsertId ? 'session-state' : undefined);
    return intent('write', first.rule, first.detail, { ...more, pin });
  }
  if (found.system === '') return intent('read', rule, '', more);
  if (found.relations) return intent('write', 'W06', found.system, more);
  return intent('session', 'S02', found.system, more);
}

/** SELECT RELEASE_ALL_LOCKS() and DO RELEASE_ALL_LOCKS(), and nothing else. */
function unpinned({ tokens, from, to }: Statement): Partial<MysqlIntent> {
  const alone = tokens.is(from + 1, 'release_all_locks') && tokens.mark(from + 2, '(');
  return alone && tokens.mark(from + 3, ')') && from + 4 === to ? { unpin: 'advisory-lock' } : {};
}

/** Stored code may take locks that no tracker tells of. */
function call({ tokens, from, to, facts }: Statement): MysqlIntent {
  const parts = partsOf(tokens, from + 1);
  const found = prove(tokens, from + parts.length * 2, to, facts);
  const locks = facts.catalogue?.routinesLock === false ? undefined : 'advisory-lock';
  const generated = found.setsInsertId ? 'session-state' : undefined;
  return intent('write', 'W04', 'call', {
    ...left(found),
    names: facts.catalogue?.settled(parts.at(-1)?.toLowerCase() ?? '') === true ? 'known' : 'changed',
    pin: stronger(locks ?? generated, found.pin),
    failurePin: 'session-state',
  });
}

function evaluate(statement: Statement): MysqlIntent {
  const { tokens, from, to, facts } = statement;
  const found = prove(tokens, from + 1, to, facts);
  const generated = found.setsInsertId ? 'session-state' : undefined;
  const more = { ...left(found), names: 'known' as const, pin: stronger(generated, found.pin) };
  return intent('write', 'W04', 'do', { ...more, ...unpinned(statement) });
}

/** INSERT, UPDATE, DELETE, REPLACE. What it generates, its answer tells. */
function change(statement: Statement): MysqlIntent {
  const { tokens, from, to, facts } = statement;
  const found = prove(tokens, behindTarget(statement), to, facts);
  const fired = firedBy(tokens, from, to, facts);
  return intent('write', 'W01', tokens.text(from), {
    ...left(found),
    // What it says of tables is not followed: only calls and variables count.
    names: 'known',
    pin: stronger(fired, found.pin),
  });
}

const BEFORE_TARGET = new Set(['low_priority', 'high_priority', 'delayed', 'ignore', 'into']);

/** Behind the columns of INSERT and REPLACE, which look like a call. */
function behindTarget({ tokens, from }: Statement): number {
  if (!tokens.is(from, 'insert') && !tokens.is(from, 'replace')) return from + 1;
  let at = from + 1;
  while (tokens.kind(at) === WORD && BEFORE_TARGET.has(tokens.text(at))) at++;
  at += Math.max(0, partsOf(tokens, at).length * 2 - 1);
  if (tokens.is(at, 'partition')) at = Math.max(at, tokens.closing(at + 1) + 1);
  const close = tokens.mark(at, '(') ? tokens.closing(at) : -1;
  for (let next = at + 1; next < close; next++) {
    const plain = tokens.mark(next, ',') || tokens.mark(next, '.');
    // A query in parentheses.
    if (!plain && (!tokens.named(next) || tokens.mark(next + 1, '('))) return at;
  }
  return close < 0 ? at : close + 1;
}

/** Behind EXPLAIN and its options. */
function innerOf({ tokens, from, to }: Statement): number {
  let at = from + 1;
  while (at < to) {
    if (tokens.is(at, 'format') && tokens.operator(at + 1, '=')) at += 3;
    else if (tokens.is(at, 'extended') || tokens.is(at, 'partitions') || tokens.is(at, 'analyze')) at++;
    else break;
  }
  while (at < to && tokens.mark(at, '(')) at++;
  return at;
}

/** EXPLAIN and ANALYZE of a statement, which may run it; DESCRIBE of a table. */
function explain(statement: Statement): MysqlIntent {
  const { tokens, from, to, facts } = statement;
  const at = innerOf(statement);
  const word = tokens.kind(at) === WORD ? tokens.text(at) : '';
  if (isQueryWord(word)) {
    // All of it: a parenthesis may open in front of the query, and INTO may stand before it.
    const found = prove(tokens, from + 1, to, facts);
    return judged(found, 'R02');
  }
  if (['insert', 'replace', 'update', 'delete', 'for', 'into'].includes(word)) return other(statement);
  return shown(statement, tokens.text(from));
}

/** A list or a definition, as the primary has it; its condition may call functions. */
function shown({ tokens, from, to, facts }: Statement, detail: string): MysqlIntent {
  let where = from + 1;
  while (where < to && !tokens.is(where, 'where')) where++;
  const found = prove(tokens, where + 1, to, facts);
  if (found.first === undefined) return intent('session', 'S02', detail);
  return intent('write', found.first.rule, found.first.detail, left(found));
}

function show(statement: Statement): MysqlIntent {
  const { tokens, from, to } = statement;
  const question = warningsOf(tokens, from, to);
  if (question !== undefined) return intent('session', 'S07', question.about, { here: true, question });
  const about =
    tokens.is(from + 1, 'warnings') || tokens.is(from + 1, 'errors') || tokens.is(from + 1, 'count');
  if (about) return intent('write', 'W06', `show ${tokens.text(from + 1)}`, { looksBack: true });
  return shown(statement, `show ${tokens.text(from + 1)}`);
}

function begins(word: string, readOnly: boolean): MysqlIntent {
  return intent('begin', 'T01', word, { begin: { readOnly, alone: true, serializable: false } });
}

function start({ tokens, from, to }: Statement): MysqlIntent {
  if (!tokens.is(from + 1, 'transaction')) return write(`start ${tokens.text(from + 1)}`);
  const modes = startModes(tokens, from + 2, to);
  return modes === undefined ? intent('write', 'T03', 'start') : begins('start', modes.readOnly);
}

function end({ tokens, from, to }: Statement): MysqlIntent {
  const word = tokens.text(from);
  const form = endForm(tokens, from, to);
  if (form === 'end') return intent('end', 'T02', word);
  return form === 'savepoint' ? intent('session', 'S03', word) : intent('write', 'T03', word);
}

/** A transaction in two phases belongs to its connection until it is over. */
function xa({ tokens, from }: Statement): MysqlIntent {
  const word = tokens.text(from + 1);
  if (word === 'recover') return intent('write', 'W06', 'xa recover');
  const over = word === 'commit' || word === 'rollback';
  return intent('write', 'T03', `xa ${word}`, over ? { unpin: 'two-phase' } : { pin: 'two-phase' });
}

/** KILL [HARD | SOFT] [CONNECTION | QUERY] number: sessions have other numbers here than on a server. */
function kill({ tokens, from, to }: Statement): MysqlIntent {
  let at = from + 1;
  if (tokens.is(at, 'hard') || tokens.is(at, 'soft')) at++;
  const statement = tokens.is(at, 'query');
  if (statement || tokens.is(at, 'connection')) at++;
  const session = tokens.kind(at) === NUMBER && /^\d+$/.test(tokens.text(at)) ? Number(tokens.text(at)) : -1;
  if (session < 0 || at + 1 !== to || !Number.isSafeInteger(session)) return refused('S08', 'kill');
  const strikes = { session, what: statement ? 'statement' : 'session' } as const;
  return intent('session', 'S08', 'kill', { here: true, strikes });
}

function lock({ tokens, from }: Statement): MysqlIntent {
  const pin = tokens.is(from + 1, 'instance') ? 'session-state' : 'table-lock';
  return intent('write', 'W16', 'lock', { pin });
}

/** FLUSH TABLES … WITH READ LOCK and … FOR EXPORT. */
function flush({ tokens, from, to }: Statement): MysqlIntent {
  let locks = false;
  for (let at = from + 1; at < to; at++) locks ||= tokens.is(at, 'lock') || tokens.is(at, 'export');
  return intent('write', locks ? 'W16' : 'W04', 'flush', { pin: locks ? 'table-lock' : undefined });
}
