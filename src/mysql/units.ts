import type { SettingChange } from '../core/settings.ts';
import type { SessionFacts } from '../core/wire.ts';
import { type CatalogueView, viewOf } from './catalogue.ts';
import { classifyText, type TextFacts } from './classify.ts';
import * as com from './commands.ts';
import { isCutShort, nullsIn, statementNumber, typesIn, wantsCursor } from './execute.ts';
import type { Memory } from './memory.ts';
import type { Statement } from './prepared.ts';
import { StatementText } from './statement-facts.ts';
import { streamedIntent } from './streamed.ts';
import { type Failure, type MysqlUnit, NO_COMMAND } from './unit.ts';
import { unitIntent } from './unit-rules.ts';
import type { MysqlIntent } from './wants.ts';

/** Commands of replicas: their connections cannot be shared. */
const REPLICATION: ReadonlyMap<number, string> = new Map([
  [0x12, 'COM_BINLOG_DUMP'],
  [0x14, 'COM_CONNECT_OUT'],
  [0x15, 'COM_REGISTER_SLAVE'],
  [0x1e, 'COM_BINLOG_DUMP_GTID'],
]);

/** Settings that COM_RESET_CONNECTION takes back to the server's defaults although the log-in has set them. */
const NOT_KEPT = ['character_set_client', 'character_set_results', 'collation_connection'];

const HERE = unitIntent('session', 'M04', '', { here: true });
const PREPARES_READ = unitIntent('read', 'P00', 'prepare');
const PREPARES = unitIntent('session', 'P01', 'prepare');
const SCHEMA = unitIntent('session', 'M02', '', { settingsOnly: true });
const COLUMNS = unitIntent('write', 'M01', '');
const ABOUT_SERVER = unitIntent('session', 'M00', '');
const CURSOR = unitIntent('session', 'P03', 'cursor');
const CURSOR_ENDS = unitIntent('session', 'P03', 'cursor', { unpin: 'cursor' });

/** Reads what a session's commands want. */
export class UnitReader {
  readonly #memory: Memory;
  /** Cursors whose statements the client has closed: closed on the link before the next command there. */
  #orphans: string[] = [];

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  classify(unit: MysqlUnit, facts: SessionFacts): MysqlIntent {
    let intent = this.#intent(unit, facts);
    if (intent.refused !== undefined) refuse(unit, 1235, intent.refused);
    unit.settled = !facts.inTransaction && this.#memory.autocommit;
    if (unit.failure !== undefined) intent = HERE;
    if (!intent.here && unit.text !== undefined) {
      intent = this.#behindHeld(unit, intent);
      if (this.#orphans.length > 0) intent = this.#withOrphans(unit, intent);
    }
    unit.intent = intent;
    return intent;
  }

  #intent(unit: MysqlUnit, facts: SessionFacts): MysqlIntent {
    const text = this.#memory.facts(facts);
    switch (unit.command) {
      case com.COM_QUERY:
        return this.#query(unit, facts, text);
      case com.COM_STMT_PREPARE:
        return this.#prepare(unit, facts);
      case com.COM_STMT_EXECUTE:
        return this.#execute(unit, facts);
      case com.COM_STMT_FETCH:
      case com.COM_STMT_RESET:
        return this.#aboutCursor(unit);
      case com.COM_INIT_DB:
        return SCHEMA;
      case com.COM_FIELD_LIST:
        return COLUMNS;
      case com.COM_STATISTICS:
      case com.COM_DEBUG:
        return ABOUT_SERVER;
      case com.COM_SET_OPTION:
        return setOption(unit);
      case com.COM_RESET_CONNECTION:
        return resets(facts, this.#memory.mariadb);
      case com.COM_PING:
        return HERE;
      case com.COM_PROCESS_KILL:
        return kills(unit);
      default:
        return refused(unit);
    }
  }

  #query(unit: MysqlUnit, facts: SessionFacts, text: TextFacts): MysqlIntent {
    const { body } = unit;
    const { multi } = this.#memory;
    unit.text = new StatementText(body, multi);
    if (unit.extent === 'open') return streamedIntent(body, multi, namesIn(facts));
    return this.#settled(classifyText(body, text), facts);
  }

  /** What only the proxy answers outside a transaction is the server's to refuse within one. */
  #settled(intent: MysqlIntent, facts: SessionFacts): MysqlIntent {
    if (intent.nextTransaction === undefined || !facts.inTransaction) return intent;
    const { nextTransaction: _, ...rest } = intent;
    return { ...rest, here: false };
  }

  #prepare(unit: MysqlUnit, facts: SessionFacts): MysqlIntent {
    if (unit.cut) {
      return refuse(unit, 1153, "Got a packet bigger than 'max_allowed_packet' bytes");
    }
    unit.statement = this.#memory.statements.add(unit.body, facts.settings);
    if (unit.statement === undefined) {
      const { size } = this.#memory.statements;
      const tell = `Can't create more than max_prepared_stmt_count statements (current value: ${size})`;
      return refuse(unit, 1461, tell);
    }
    const { kind, hint } = this.#textOf(unit.statement, facts);
    const intent = kind === 'read' ? PREPARES_READ : PREPARES;
    return hint === undefined ? intent : { ...intent, hint };
  }

  #textOf(statement: Statement, facts: SessionFacts): MysqlIntent {
    return statement.intent(this.#memory.factsOf(statement.prepared, facts), classifyText);
  }

  #execute(unit: MysqlUnit, facts: SessionFacts): MysqlIntent {
    const statement = this.#statement(unit, 'execute');
    if (statement === undefined) return HERE;
    unit.text = statement.text;
    const { spilled } = statement;
    unit.longData = this.#memory.statements.take(statement);
    if (spilled) {
      const tell =
        'Parameter of prepared statement which is set through mysql_send_long_data() is longer than ' +
        "'max_allowed_packet' bytes";
      return refuse(unit, 1105, tell);
    }
    if (!this.#keepTypes(unit, statement)) return this.#untyped(unit, statement);
    const intent = this.#textOf(statement, facts);
    unit.mayRunAhead = intent.kind === 'read';
    return this.#run(unit, statement, this.#settled(intent, facts));
  }

  #run(unit: MysqlUnit, statement: Statement, intent: MysqlIntent): MysqlIntent {
    const cursor = wantsCursor(unit.bytes);
    if (unit.extent === 'open' && (intent.kind === 'read' || intent.here)) {
      // It cannot be sent twice: its bytes are gone.
      return { ...intent, kind: 'write', because: 'U05', detail: 'execute', here: false };
    }
    if (cursor && intent.kind === 'read')
      return { ...intent, kind: 'write', because: 'P02', detail: 'cursor' };
    if (!statement.cursor) return intent;
    // The server closes the one that was open.
    statement.cursor = false;
    return this.#memory.statements.hasCursors ? intent : { ...intent, unpin: 'cursor' };
  }

  /** Keeps the types that an EXECUTE says; false: it says none and none are known, or it ends too early. */
  #keepTypes(unit: MysqlUnit, statement: Statement): boolean {
    if (isCutShort(unit.bytes)) return false;
    if (statement.parameters <= 0) return true;
    const found = typesIn(unit.bytes, statement.parameters);
    if (found === undefined) return false;
    if (found.types !== undefined) statement.keepSaid(found.types);
    if (statement.said === undefined) return false;
    // MariaDB takes every value as it comes.
    if (this.#memory.mariadb) return true;
    const { key, cursor } = statement;
    unit.typingBefore = statement.typing;
    statement.runsWith(nullsIn(unit.bytes, statement.parameters));
    unit.typing = statement.typing;
    if (cursor && statement.key !== key) this.#orphans.push(key);
    return true;
  }

  /** COM_STMT_FETCH and COM_STMT_RESET. */
  #aboutCursor(unit: MysqlUnit): MysqlIntent {
    const fetches = unit.command === com.COM_STMT_FETCH;
    const statement = this.#statement(unit, fetches ? 'fetch' : 'reset');
    if (statement === undefined) return HERE;
    if (fetches) {
      if (statement.cursor) return CURSOR;
      return refuse(
        unit,
        1421,
        `The statement (${statement.number}) has no open cursor${this.#memory.mariadb ? '' : '.'}`,
      );
    }
    this.#memory.statements.take(statement);
    if (!statement.cursor) return HERE;
    statement.cursor = false;
    return this.#memory.statements.hasCursors ? CURSOR : CURSOR_ENDS;
  }

  /** The statement that a command names; undefined: it gets the server's refusal. */
  #statement(unit: MysqlUnit, doing: string): Statement | undefined {
    const number = statementNumber(unit.bytes);
    if (number === undefined) {
      this.#malformed(unit);
      return undefined;
    }
    unit.statement = this.#memory.statements.get(number);
    if (unit.statement === undefined) {
      const place = this.#memory.mariadb ? `mysqld_stmt_${doing}` : 'mysql_stmt_precheck';
      refuse(unit, 1243, `Unknown prepared statement handler (${number}) given to ${place}`);
    }
    return unit.statement;
  }

  /** An EXECUTE without types where none are known; MySQL tells one apart that ends before it could have any. */
  #untyped(unit: MysqlUnit, { parameters }: Statement): MysqlIntent {
    const short = this.#memory.mariadb
      ? isCutShort(unit.bytes)
      : typesIn(unit.bytes, parameters) === undefined;
    return short ? this.#malformed(unit) : refuse(unit, 1210, 'Incorrect arguments to mysqld_stmt_execute');
  }

  #malformed(unit: MysqlUnit): MysqlIntent {
    return refuse(unit, 1835, `Malformed communication packet${this.#memory.mariadb ? '' : '.'}`);
  }

  /** COM_STMT_CLOSE: it has no answer. */
  close(unit: MysqlUnit): void {
    const number = statementNumber(unit.bytes);
    const statement = number === undefined ? undefined : this.#memory.statements.close(number);
    if (statement?.cursor === true) this.#orphans.push(statement.key);
  }

  /** COM_STMT_SEND_LONG_DATA: it has no answer. */
  keepLongData(unit: MysqlUnit): void {
    const number = statementNumber(unit.bytes);
    if (number !== undefined) this.#memory.statements.keep(number, unit.cut ? undefined : unit.bytes);
  }

  /** SET TRANSACTION statements that were kept go ahead of what begins the next transaction. */
  #behindHeld(unit: MysqlUnit, intent: MysqlIntent): MysqlIntent {
    if (intent.kind === 'session') return intent;
    const held = this.#memory.release();
    // The end of a transaction ends what was to hold for it.
    if (held.texts.length === 0 || intent.kind === 'end') return intent;
    unit.held = held;
    if (!held.serializable) return intent;
    if (intent.kind === 'read') return { ...intent, kind: 'write', because: 'W15', detail: '' };
    return intent.begin === undefined
      ? intent
      : { ...intent, begin: { ...intent.begin, serializable: true } };
  }

  #withOrphans(unit: MysqlUnit, intent: MysqlIntent): MysqlIntent {
    unit.closes = this.#orphans;
    this.#orphans = [];
    if (intent.unpin !== undefined || this.#memory.statements.hasCursors) return intent;
    return { ...intent, unpin: 'cursor' };
  }
}

const namesIn = ({ catalogue }: SessionFacts): CatalogueView | undefined =>
  catalogue === undefined ? undefined : viewOf(catalogue);

/** The answer to a unit is a refusal in the server's words. */
function refuse(unit: MysqlUnit, code: number, message: string): MysqlIntent {
  unit.failure = { code, message } satisfies Failure;
  return HERE;
}

function refused(unit: MysqlUnit): MysqlIntent {
  const name = unit.command === NO_COMMAND ? undefined : REPLICATION.get(unit.command);
  if (name === undefined) return refuse(unit, 1047, 'Unknown command');
  const tell = `${name} is not passed on: a replica needs a connection of its own; connect it to the server itself`;
  return refuse(unit, 1235, tell);
}

/** 0 switches several statements in one text on, 1 off ("COM_SET_OPTION"); anything else the server refuses. */
function setOption(unit: MysqlUnit): MysqlIntent {
  const option = unit.body.length < 2 ? -1 : unit.body.readUInt16LE(0);
  const settings: SettingChange[] =
    option === 0 || option === 1 ? [{ name: ':multi', value: option === 0 ? 'on' : null }] : [];
  return unitIntent('session', 'M00', 'set option', { settings, settingsOnly: true });
}

/**
 * The schema stays, and whether texts may hold several statements. Character sets are the server's own afterwards, in
 * MariaDB those of the log-in. Seen on real servers.
 */
function resets({ settings, greeting }: SessionFacts, mariadb: boolean): MysqlIntent {
  const changes: SettingChange[] = [':schema', ':multi'].map((name) => ({
    name,
    value: settings.values.get(name) ?? null,
  }));
  for (const name of mariadb ? [] : NOT_KEPT) {
    changes.push({ name, value: greeting.parameters.get(name) ?? null });
  }
  return unitIntent('session', 'M03', '', { resets: true, settings: changes, settingsOnly: true });
}

function kills(unit: MysqlUnit): MysqlIntent {
  if (unit.body.length < 4) return refuse(unit, 1835, 'Malformed communication packet.');
  return unitIntent('session', 'M04', 'kill', {
    here: true,
    strikes: { session: unit.body.readUInt32LE(0), what: 'session' },
  });
}
