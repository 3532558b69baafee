import { ProxyError } from '../core/errors.ts';
import type { Expectation, Plan } from '../core/wire.ts';
import * as com from './commands.ts';
import { clientError } from './errors.ts';
import {
  aboutStatement,
  renumber,
  type Shifted,
  shifted,
  statementNumber,
  typesIn,
  withTypes,
} from './execute.ts';
import type { LinkSide } from './link-side.ts';
import type { Memory } from './memory.ts';
import { command, queryCommand } from './messages.ts';
import { runsFor, type Typing } from './parameter-types.ts';
import type { Prepared, Statement } from './prepared.ts';
import { type Answer, Reply, type Shape } from './reply.ts';
import { COLLATION_QUESTION } from './settings.ts';
import { idUse } from './statement-facts.ts';
import type { MysqlUnit } from './unit.ts';

const NOTHING = Buffer.alloc(0);

/** Answers to what goes ahead of a unit. */
const RESULT: Answer = { shape: 'result', take: 'swallow' };
const DONE: Answer = { shape: 'done', take: 'swallow' };

const SHAPES: ReadonlyMap<number, Shape> = new Map([
  [com.COM_QUERY, 'result'],
  [com.COM_STMT_EXECUTE, 'result'],
  [com.COM_STMT_FETCH, 'rows'],
  [com.COM_FIELD_LIST, 'columns'],
  [com.COM_STATISTICS, 'line'],
]);

/** An EXECUTE that the server cannot read, or whose types it does not take. */
const NEVER_RAN = new Set(['1210', '1835']);

/** SET NAMES and the like: the server then reports the character set, and which collation it has only if asked. */
const SETS_CHARSET = /\b(?:names|charset|character(?:\s+set\b|_set_))/i;

/** What goes ahead of a unit, with the answers that are swallowed. */
interface Front {
  readonly bytes: Buffer[];
  readonly answers: Answer[];
}

/** Turns units into what a given link needs. */
export class Planner {
  readonly #memory: Memory;
  /** One object for each kind of answer: a unit costs none. */
  readonly #replies = new Map<string, Reply>();
  /** What becomes of the other pieces of the open EXECUTE that was planned last. */
  shifted: Shifted | undefined;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  plan(unit: MysqlUnit, server: LinkSide): Plan {
    const { statement } = unit;
    if (unit.command === com.COM_RESET_CONNECTION) return this.#reset(server);
    if (unit.command === com.COM_STMT_PREPARE && statement !== undefined) {
      return this.#prepare(unit, statement, server);
    }
    const known = statement === undefined ? undefined : this.#known(unit, statement, server);
    if (statement !== undefined && known === undefined) return this.#prepareFirst(statement, server);
    const number = known?.number;
    const own =
      statement === undefined || number === undefined ? unit.bytes : this.#numbered(unit, statement, number);
    const front = this.#front(unit, server, known?.ahead);
    const closing = server.statements.takeClosing();
    const asks = leavesCollationOpen(unit);
    unit.expect = this.#expect(unit, front, asks, this.#failed(unit, known, server));
    unit.out = true;
    if (front === undefined && closing === undefined && !asks && unit.longData.length === 0) {
      return own === unit.bytes ? unit : { bytes: own, expect: unit.expect };
    }
    const behind = asks ? COLLATION_QUESTION.bytes : NOTHING;
    if (number !== undefined) for (const bytes of unit.longData) renumber(bytes, number);
    const ahead = [closing ?? NOTHING, ...(front?.bytes ?? []), ...unit.longData];
    return { bytes: Buffer.concat([...ahead, own, behind]), expect: unit.expect };
  }

  /** It is all that is sent for it, but for a PREPARE that may go before it. What opens a cursor is no read. */
  mayShare(unit: MysqlUnit): boolean {
    const { extent, command, intent, statement, longData, held, closes } = unit;
    if (extent !== 'whole' || intent?.kind !== 'read' || intent.insertId) return false;
    if (longData.length > 0 || held.texts.length > 0 || closes.length > 0) return false;
    if (command === com.COM_QUERY) return true;
    if (command !== com.COM_STMT_EXECUTE || statement === undefined) return false;
    if (unit.typing !== undefined && needsRun(unit, unit.typing)) return false;
    // It would be prepared under settings that are not the link's.
    return this.#changesTo(statement.prepared).length === 0;
  }

  /** What to do if it fails, where its run gives the statement its types. */
  #failed(unit: MysqlUnit, known: Known | undefined, server: LinkSide): Answer['failed'] {
    const { statement, typing, typingBefore } = unit;
    const named = known?.named;
    if (statement === undefined || typingBefore === undefined) return undefined;
    if (named === undefined && typing === typingBefore) return undefined;
    return (error) => {
      // It may not have come so far as to have them.
      if (named !== undefined) server.statements.forget(named);
      if (NEVER_RAN.has(error)) statement.refused(typing, typingBefore);
    };
  }

  #expect(
    { command, intent }: MysqlUnit,
    front: Front | undefined,
    asks: boolean,
    failed: Answer['failed'],
  ): Reply {
    const shape = SHAPES.get(command) ?? 'done';
    const settingsOnly = intent?.settingsOnly === true;
    if (front === undefined && !asks && failed === undefined) return this.#forward(shape, settingsOnly);
    const behind = asks ? [COLLATION_QUESTION.answer] : [];
    const answers: Answer[] = [
      ...(front?.answers ?? []),
      { shape, take: 'forward', ...(failed && { failed }) },
      ...behind,
    ];
    return new Reply(answers, { traits: this.#memory.login.traits, settingsOnly });
  }

  #forward(shape: Shape, settingsOnly: boolean): Reply {
    const name = settingsOnly ? `${shape}!` : shape;
    let reply = this.#replies.get(name);
    if (reply === undefined) {
      reply = new Reply([{ shape, take: 'forward' }], { traits: this.#memory.login.traits, settingsOnly });
      this.#replies.set(name, reply);
    }
    return reply;
  }

  /** Undefined: nothing goes ahead. */
  #front(unit: MysqlUnit, server: LinkSide, runs: readonly Buffer[] = []): Front | undefined {
    const { held, closes, intent, text } = unit;
    const use = intent === undefined || text === undefined ? 'none' : idUse(intent, text, unit.settled);
    unit.idUse = use;
    const id = this.#memory.ids.front(server, use);
    if (id === undefined && runs.length === 0 && held.texts.length === 0 && closes.length === 0) {
      return undefined;
    }
    const ahead: Front = { bytes: [], answers: [] };
    for (const run of runs) add(ahead, run, RESULT);
    for (const key of closes) {
      const number = server.statements.get(key)?.id;
      if (number !== undefined) add(ahead, aboutStatement(com.COM_STMT_RESET, number), DONE);
    }
    for (const one of held.texts) add(ahead, queryCommand(one), RESULT);
    if (id !== undefined) add(ahead, id, RESULT);
    return ahead.bytes.length === 0 ? undefined : ahead;
  }

  /** An EXECUTE, FETCH or RESET with the server's number, and for EXECUTE always with its types. */
  #numbered(unit: MysqlUnit, statement: Statement, number: number): Buffer {
    let { bytes } = unit;
    if (statementNumber(bytes) !== number) {
      if (unit.out) bytes = Buffer.from(bytes);
      renumber(bytes, number);
    }
    if (unit.command !== com.COM_STMT_EXECUTE) return bytes;
    // Another session may have run the server's statement with other types since.
    const { parameters } = statement;
    if (parameters === 0) return bytes;
    const found = typesIn(bytes, parameters);
    if (found?.types !== undefined) {
      statement.said ??= Buffer.from(found.types);
      return bytes;
    }
    if (found === undefined || statement.said === undefined) {
      throw clientError('PROTOCOL', 1835, 'Malformed communication packet');
    }
    if (unit.extent === 'whole') return withTypes(bytes, found.at, statement.said);
    const streamed = shifted(bytes, found.at, statement.said);
    this.shifted = streamed.rest;
    return streamed.bytes;
  }

  /** The client's own PREPARE: the server's number for it is kept, the client gets its own. */
  #prepare(unit: MysqlUnit, statement: Statement, server: LinkSide): Plan {
    const key = this.#keyOf(statement.prepared, '');
    const answer: Answer = {
      shape: 'prepare',
      take: 'forward',
      number: statement.number,
      prepared: (number, parameters) => {
        statement.parameters = parameters;
        server.statements.set(key, number);
      },
    };
    unit.expect = new Reply([answer], { traits: this.#memory.login.traits });
    return unit;
  }

  /** The link does not know the statement: it is prepared as it was when the client did, then the unit is planned anew. */
  #prepareFirst(statement: Statement, server: LinkSide): Plan {
    const { prepared } = statement;
    const key = this.#keyOf(prepared, '');
    /** The link did not become what it was to be: what it has prepared is another statement. */
    let astray = false;
    const prepare: Answer = {
      shape: 'prepare',
      take: 'swallow',
      prepared: (number, parameters) => {
        if (astray) return server.statements.close(number);
        statement.parameters = parameters;
        server.statements.add(key, number);
      },
    };
    const text = command(com.COM_STMT_PREPARE, prepared.text);
    const changes = this.#changesTo(prepared);
    const there = changes.length === 0 ? undefined : server.adjust(changes);
    if (there === undefined) return { bytes: text, expect: new Reply([prepare]), before: true };
    const back = server.adjust(
      changes.map(({ name }) => ({ name, value: this.#memory.settings.values.get(name) ?? null })),
    );
    if (back === undefined) throw new TypeError('a link that cannot go back to where it was');
    const strays = (): void => {
      astray = true;
    };
    const answers = [
      ...answersOf(there.expect).map((answer) => ({ ...answer, failed: strays })),
      prepare,
      ...answersOf(back.expect).map((answer) => ({ ...answer, failed: lostItsWay })),
    ];
    return {
      bytes: Buffer.concat([there.bytes, text, back.bytes]),
      expect: new Reply(answers),
      before: true,
    };
  }

  /** What differs between the session now and when the text was prepared; a schema can only be exchanged for one. */
  #changesTo(prepared: Prepared): ReturnType<Prepared['changesFrom']> {
    return prepared
      .changesFrom(this.#memory.settings)
      .filter(({ name, value }) => name !== ':schema' || (value !== null && this.#schema !== undefined));
  }

  get #schema(): string | undefined {
    return this.#memory.settings.values.get(':schema');
  }

  /** The server's statement whose parameters have the types that they have for the session. */
  #known(unit: MysqlUnit, { prepared, typing }: Statement, { statements }: LinkSide): Known | undefined {
    const now = unit.typing ?? typing;
    const key = this.#keyOf(prepared, now.types);
    const there = statements.get(key);
    if (there !== undefined) return { number: there.id };
    if (now.types === '') return undefined;
    if (needsRun(unit, now)) {
      const number = statements.adopt(this.#keyOf(prepared, ''), key)?.id;
      return number === undefined ? undefined : { number, named: key, ahead: runsFor(now, number) };
    }
    return this.#fresh(prepared, now, statements);
  }

  /** One that this run gives its types. It takes the one along that it ran before, or else one that nobody has run. */
  #fresh(prepared: Prepared, now: Typing, statements: LinkSide['statements']): Known | undefined {
    const key = this.#keyOf(prepared, now.fresh);
    if (now.types !== now.fresh) {
      const there = statements.get(key);
      if (there !== undefined) return { number: there.id };
      if (now.fresh === '') return undefined;
    }
    const before = this.#keyOf(prepared, now.types === now.fresh ? now.typesBefore : '');
    const taken = statements.adopt(before, key) ?? statements.adopt(this.#keyOf(prepared, ''), key);
    return taken === undefined ? undefined : { number: taken.id, named: key };
  }

  /** Its name on links. Where the schema cannot be what it was, it is another statement. */
  #keyOf(prepared: Prepared, types: string): string {
    const schema = this.#schema;
    if ((schema !== undefined) === prepared.hasSchema) return prepared.typed(types);
    return prepared.within(schema ?? null, types);
  }

  #reset(server: LinkSide): Plan {
    const { bytes, expect } = server.reset;
    const [first, ...others] = answersOf(expect);
    if (first === undefined) throw new TypeError('a reset without an answer');
    const { traits } = this.#memory.login;
    return {
      bytes,
      expect: new Reply([{ ...first, take: 'forward' }, ...others], { traits, settingsOnly: true }),
    };
  }
}

/** A server's statement, and what must run there first. */
interface Known {
  readonly number: number;
  /** It goes by this name from this run on. */
  readonly named?: string;
  readonly ahead?: readonly Buffer[];
}

/**
 * A new one would have other types. What has an effect is not run twice: there the types of the run itself count, as
 * if the connection were new.
 */
const needsRun = ({ mayRunAhead }: MysqlUnit, { types, fresh }: Typing): boolean =>
  mayRunAhead && types !== fresh;

function leavesCollationOpen({ intent, text }: MysqlUnit): boolean {
  if (intent?.settingsOnly !== true || text === undefined) return false;
  return SETS_CHARSET.test(text.text.toString('latin1'));
}

function add(front: Front, bytes: Buffer, answer: Answer): void {
  front.bytes.push(bytes);
  front.answers.push(answer);
}

function answersOf(expect: Expectation): readonly Answer[] {
  if (expect instanceof Reply) return expect.answers;
  throw new TypeError('an expectation of another engine');
}

/** The link is left with settings that nobody knows: nothing more may run there. */
function lostItsWay(error: string): void {
  throw new ProxyError('PROTOCOL', {
    side: 'server',
    retry: 'safe',
    tell: `the connection could not be put back to its settings after a statement was prepared (${error})`,
  });
}
