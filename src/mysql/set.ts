import { intent, pinOf } from './combine.ts';
import { systemVariable } from './lookaround.ts';
import type { NameFacts } from './names.ts';
import { prove } from './proof.ts';
import type { TokenList } from './token-list.ts';
import { NUMBER, OPERATOR, VARIABLE, WORD } from './tokens.ts';
import { setModes } from './transaction.ts';
import type { MysqlIntent, NextTransaction, OwnSetting } from './wants.ts';

/** Variables that mean this connection, or its next statement: their values cannot be carried over. */
const ONE_SHOT = new Set(
  `insert_id last_insert_id identity timestamp rand_seed1 rand_seed2 pseudo_thread_id pseudo_slave_mode
  pseudo_replica_mode gtid_next gtid_seq_no gtid_domain_id server_id sql_log_bin sql_log_off skip_replication
  skip_parallel_replication original_commit_timestamp original_server_version immediate_server_version
  default_master_connection proxy_user external_user debug debug_sync sql_slave_skip_counter
  sql_replica_skip_counter transaction_allow_batching xa_detach_on_prepare resultset_metadata
  require_row_format default_collation_for_utf8mb4_internal server_uid last_gtid in_transaction profiling
  profiling_history_size`.split(/\s+/),
);

/** With two @ and no scope, these are about the next transaction only (MySQL, "SET TRANSACTION"). */
const NEXT = new Set(['transaction_isolation', 'tx_isolation', 'transaction_read_only', 'tx_read_only']);

const isOwn = (name: string): boolean => name === 'pointsman.route' || name.startsWith('session_track_');

const PINNED: Partial<MysqlIntent> = { pin: 'session-state' };

/** What SET from `from` to `to` wants. */
export function classifySet(tokens: TokenList, from: number, to: number, facts: NameFacts): MysqlIntent {
  const at = from + 1;
  if (tokens.is(at, 'transaction')) return nextTransaction(setModes(tokens, at + 1, to));
  if (tokens.is(at + 1, 'transaction') && tokens.kind(at) === WORD) {
    const known = setModes(tokens, at + 2, to) !== undefined && !tokens.is(at, 'global');
    return known ? SETTING : intent('write', 'W04', 'set transaction');
  }
  if (tokens.is(at, 'role')) return intent('write', 'W16', 'set role', PINNED);
  if (tokens.is(at, 'resource')) return intent('write', 'W16', 'set resource group', PINNED);
  if (tokens.is(at, 'password') || (tokens.is(at, 'default') && tokens.is(at + 1, 'role'))) {
    return intent('write', 'W04', `set ${tokens.text(at)}`);
  }
  if (tokens.is(at, 'statement')) return forStatement(tokens, at, to, facts);
  return assignments(tokens, at, to, facts);
}

const SETTING = intent('session', 'S01', 'set', { settingsOnly: true });

function nextTransaction(modes: NextTransaction | undefined): MysqlIntent {
  if (modes === undefined) return intent('write', 'T03', 'set transaction');
  return intent('session', 'S03', 'set transaction', { here: true, nextTransaction: modes });
}

/** SET STATEMENT … FOR …: as much as the statement, which runs with other settings. */
function forStatement(tokens: TokenList, from: number, to: number, facts: NameFacts): MysqlIntent {
  const found = prove(tokens, from + 1, to, facts);
  return intent('write', 'W04', 'set statement', { pin: found.pin ?? 'session-state' });
}

function assignments(tokens: TokenList, from: number, to: number, facts: NameFacts): MysqlIntent {
  const parts: MysqlIntent[] = [];
  let begin = from;
  let depth = 0;
  for (let at = from; at <= to; at++) {
    if (tokens.mark(at, '(')) depth++;
    else if (tokens.mark(at, ')')) depth--;
    if (at < to && !(depth === 0 && tokens.mark(at, ','))) continue;
    parts.push(assignment(tokens, begin, at, facts));
    begin = at + 1;
  }
  return together(parts);
}

/** Several assignments of one SET. */
function together(parts: readonly MysqlIntent[]): MysqlIntent {
  const [first = SETTING] = parts;
  if (parts.length === 1) return first;
  if (parts.every((part) => part.own !== undefined)) {
    return { ...first, own: parts.flatMap((part) => part.own ?? []) };
  }
  // What is answered here goes along: the link is then like no other.
  const sent = parts.map((part) => (part.here ? intent('write', 'W16', part.detail, PINNED) : part));
  const chosen = sent.find((part) => part.kind !== 'session') ?? first;
  return {
    ...chosen,
    pin: pinOf(sent),
    insertId: sent.some((part) => part.insertId),
    settingsOnly: sent.every((part) => part.settingsOnly),
    ...(sent.some((part) => part.looksBack === true) ? { looksBack: true } : {}),
  };
}

/** The name that is set, and where its value begins. */
interface Target {
  readonly scope: string;
  readonly name: string;
  /** Written with two @. */
  readonly at: boolean;
  readonly value: number;
}

function assignment(tokens: TokenList, from: number, to: number, facts: NameFacts): MysqlIntent {
  if (tokens.kind(from) === VARIABLE && !tokens.text(from).startsWith('@@')) {
    const found = prove(tokens, from, to, facts);
    return intent('write', 'W18', tokens.text(from), {
      pin: found.pin ?? 'user-variable',
      insertId: found.insertId,
      ...(found.looksBack ? { looksBack: true } : {}),
    });
  }
  const names = ['names', 'charset', 'character'];
  if (names.includes(tokens.text(from)) && tokens.kind(from) === WORD && !assigns(tokens, from + 1)) {
    return valued(tokens, from + 1, to, facts);
  }
  const target = targetOf(tokens, from);
  if (target === undefined || target.value >= to) return intent('write', 'U01', tokens.text(from), PINNED);
  const { scope, name } = target;
  if (scope !== '' && scope !== 'session' && scope !== 'local') return global(tokens, target, to, facts);
  if (ONE_SHOT.has(name)) return intent('write', 'W16', name, PINNED);
  if (isOwn(name)) return own(tokens, target, to);
  if (scope === '' && target.at && NEXT.has(name)) return next(tokens, target, to);
  return valued(tokens, target.value, to, facts);
}

function global(tokens: TokenList, { name, value }: Target, to: number, facts: NameFacts): MysqlIntent {
  return intent('write', 'W04', `global ${name}`, { pin: prove(tokens, value, to, facts).pin });
}

/** The value may be an expression; without effect it sets and nothing else. */
function valued(tokens: TokenList, from: number, to: number, facts: NameFacts): MysqlIntent {
  const found = prove(tokens, from, to, facts);
  const more: Partial<MysqlIntent> = {
    pin: found.setsInsertId ? 'session-state' : found.pin,
    insertId: found.insertId,
    ...(found.looksBack ? { looksBack: true } : {}),
  };
  if (found.first === undefined) return { ...SETTING, ...more };
  const { rule, detail } = found.first;
  return intent('write', rule, detail, { ...more, names: found.unknown ? 'missed' : 'known' });
}

const assigns = (tokens: TokenList, at: number): boolean =>
  tokens.kind(at) === OPERATOR && (tokens.text(at) === '=' || tokens.text(at) === ':=');

function targetOf(tokens: TokenList, from: number): Target | undefined {
  let scope = '';
  let at = from;
  if (tokens.kind(at) === VARIABLE) {
    const variable = systemVariable(tokens, at);
    const { name, next } = variable;
    return assigns(tokens, next) ? { scope: variable.scope, name, at: true, value: next + 1 } : undefined;
  }
  const scoped = ['global', 'session', 'local', 'persist', 'persist_only'].includes(tokens.text(at));
  if (scoped && tokens.named(at + 1)) scope = tokens.text(at++);
  const parts: string[] = [];
  for (; tokens.named(at); at += 2) {
    parts.push(tokens.text(at).toLowerCase());
    if (!tokens.mark(at + 1, '.')) break;
  }
  const name = parts.join('.');
  return name !== '' && assigns(tokens, at + 1) ? { scope, name, at: false, value: at + 2 } : undefined;
}

/** A word, a number, or a constant in quotes; undefined: it is more than that. */
function literal(tokens: TokenList, from: number, to: number): string | undefined {
  if (from + 1 !== to) return undefined;
  if (tokens.named(from) || tokens.kind(from) === NUMBER) return tokens.text(from);
  return tokens.constant(from);
}

function own(tokens: TokenList, { name, value }: Target, to: number): MysqlIntent {
  const text = literal(tokens, value, to);
  if (text === undefined) return intent('write', 'W16', name, PINNED);
  const setting: OwnSetting = { name, value: text };
  return intent('session', 'S01', name, { settingsOnly: true, here: true, own: [setting] });
}

function next(tokens: TokenList, { name, value }: Target, to: number): MysqlIntent {
  const text = literal(tokens, value, to)?.toLowerCase();
  const on = ['1', 'on', 'true'].includes(text ?? '');
  const off = ['0', 'off', 'false'].includes(text ?? '');
  if (name.endsWith('read_only')) {
    if (!on && !off) return intent('write', 'W16', name, PINNED);
    return nextTransaction({ readOnly: on, serializable: undefined });
  }
  const level = text?.replaceAll('-', ' ');
  const known = ['serializable', 'repeatable read', 'read committed', 'read uncommitted'].includes(
    level ?? '',
  );
  if (!known) return intent('write', 'W16', name, PINNED);
  return nextTransaction({ readOnly: undefined, serializable: level === 'serializable' });
}
