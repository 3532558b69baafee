import type { ProxyError } from '../core/errors.ts';
import type { Intent } from '../core/intent.ts';
import type {
  ClientSide,
  Login,
  Outcome,
  Plan,
  ServerSide,
  SessionFacts,
  TransactionStatus,
  Unit,
} from '../core/wire.ts';
import * as com from './commands.ts';
import { serverError } from './errors.ts';
import { UnitFinder } from './finder.ts';
import type { LinkSide } from './link-side.ts';
import type { MysqlLogin } from './login.ts';
import { Memory } from './memory.ts';
import { errPacket, queryCommand } from './messages.ts';
import { Planner } from './planner.ts';
import { type Answer, type MysqlEnd, Reply } from './reply.ts';
import { Retrospect } from './retrospect.ts';
import { streamsBy } from './streamed.ts';
import { supplyReply } from './supply.ts';
import { MysqlUnit, type Told } from './unit.ts';
import { UnitReader } from './units.ts';

/** Bytes of a command that are gathered before it is sent on in pieces, unread. */
const UNIT_LIMIT = 1024 * 1024;
/** Client bytes that may gather behind a command that runs, before the client is no longer read. */
const BACKLOG = 65_536;

const RESULT: Answer = { shape: 'result', take: 'swallow' };

/**
 * The client half of one session. Commands are taken one after another: what the next one wants may depend on how the
 * last one ended (a schema, an sql_mode), and what the server says of it must be asked before the next one runs.
 */
export class MysqlClient implements ClientSide {
  readonly #login: MysqlLogin;
  readonly #finder = new UnitFinder(UNIT_LIMIT);
  readonly #memory: Memory;
  readonly #reader: UnitReader;
  readonly #planner: Planner;
  readonly #retrospect: Retrospect;
  /** The command that was sent and has not ended. */
  #running: MysqlUnit | undefined;
  /** The link that it runs on. */
  #server: LinkSide | undefined;
  /** The command that was classified last, until it has been answered. */
  #last: MysqlUnit | undefined;
  /** The server is being asked about it. */
  #asking = false;
  #paused = false;

  constructor(login: Login) {
    this.#login = own(login);
    this.#memory = new Memory(this.#login);
    this.#reader = new UnitReader(this.#memory);
    this.#planner = new Planner(this.#memory);
    this.#retrospect = new Retrospect(this.#memory);
  }

  get buffered(): number {
    return this.#finder.buffered;
  }

  get saysGoodbye(): boolean {
    return this.#finder.saysGoodbye;
  }

  push(chunk: Buffer): void {
    this.#finder.push(chunk);
    const runs = this.#running !== undefined || this.#asking;
    if (!runs || this.#paused || this.#finder.buffered <= BACKLOG) return;
    if (this.#finder.nextDependsOnNothing) return;
    this.#paused = true;
    this.#login.channel.pause();
  }

  next(): Unit | undefined {
    if (this.#running === undefined) this.#goOn();
    for (;;) {
      if (this.#running !== undefined && !this.#finder.nextDependsOnNothing) return undefined;
      const unit = this.#finder.next();
      switch (unit?.command) {
        case com.COM_STMT_CLOSE:
          this.#reader.close(unit);
          continue;
        case com.COM_STMT_SEND_LONG_DATA:
          this.#reader.keepLongData(unit);
          continue;
        default:
          return unit === undefined ? undefined : this.#piece(unit);
      }
    }
  }

  /** More of a command that streams by. */
  #piece(unit: MysqlUnit): MysqlUnit {
    if (unit.extent !== 'part' && unit.extent !== 'last') return unit;
    streamsBy(this.#running?.intent, unit.bytes);
    const { shifted } = this.#planner;
    return shifted === undefined ? unit : new MysqlUnit(unit.extent, unit.command, shifted.piece(unit.bytes));
  }

  unread(): Buffer {
    return this.#finder.unread();
  }

  classify(unit: Unit, facts: SessionFacts): Intent {
    this.#last = mine(unit);
    return this.#reader.classify(this.#last, facts);
  }

  plan(unit: Unit, server: ServerSide, busy: boolean): Plan | undefined {
    if (busy) return undefined;
    const mysql = mine(unit);
    const link = linkSide(server);
    this.#planner.shifted = undefined;
    const plan = this.#planner.plan(mysql, link);
    if (plan.before !== true) {
      this.#running = mysql;
      this.#server = link;
    }
    return plan;
  }

  mayShare(unit: Unit): boolean {
    return this.#planner.mayShare(mine(unit));
  }

  opening(unit: Unit): Plan {
    const { held, statement, body } = mine(unit);
    const texts = [...held.texts, statement?.prepared.text ?? body];
    return {
      bytes: Buffer.concat(texts.map(queryCommand)),
      expect: texts.length === 1 ? OPENING : new Reply(texts.map(() => RESULT)),
    };
  }

  /** A text behind a BEGIN that failed would be run all the same. */
  openedBy(): undefined {}

  copying(_unit: Unit, active: boolean): void {
    if (active) this.#finder.copying();
  }

  supply(unit: Unit, status: TransactionStatus): void {
    const mysql = mine(unit);
    if (!this.#hold(mysql)) {
      mysql.failure = {
        code: 1235,
        message: 'more SET TRANSACTION statements than are kept for one transaction',
      };
    }
    this.#login.channel.write(supplyReply(mysql, this.#memory, status));
    this.#over();
  }

  /** A SET TRANSACTION is kept for the next transaction. */
  #hold({ intent, statement, body }: MysqlUnit): boolean {
    if (intent?.nextTransaction === undefined) return true;
    return this.#memory.hold(statement?.prepared.text ?? body, intent);
  }

  completed(unit: Unit, outcome: Outcome): Plan | undefined {
    const server = this.#server;
    this.#over();
    this.#asking = false;
    if (server === undefined) return undefined;
    const mysql = mine(unit);
    const end = ended(outcome);
    // Run once more to be asked about, and not as the client saw it: there is nothing to learn from that.
    if (mysql.told !== undefined && !isAs(end, mysql.told)) return undefined;
    const question = this.#retrospect.completed(mysql, end, server);
    if (question === undefined) return undefined;
    mysql.told = { error: end.error, warnings: end.warnings };
    this.#asking = true;
    return question;
  }

  learned(outcome: Outcome): void {
    this.#retrospect.learned(outcome);
  }

  fail(error: ProxyError): void {
    const said = serverError(error);
    const { statements, diagnostics } = this.#memory;
    const statement = this.#last?.command === com.COM_STMT_PREPARE ? this.#last.statement : undefined;
    if (statement !== undefined && statement.parameters < 0) statements.close(statement.number);
    diagnostics.failed(String(said.code), said.message);
    this.#login.channel.write(errPacket(this.#last?.sequence ?? 1, said));
    this.#over();
  }

  die(error: ProxyError): void {
    this.#login.channel.end(errPacket(this.#sequence, serverError(error)));
  }

  /** Of the next packet to the client, unless it has had some of the answer. Servers say goodbye with 0. */
  get #sequence(): number {
    if (this.#last === undefined) return 0;
    return this.#last.extent === 'open' ? this.#finder.nextSequence : 1;
  }

  /** The command has been answered: the next one may be looked at. */
  #over(): void {
    this.#running = undefined;
    // It would hold the memory that it was read into.
    this.#last = undefined;
    this.#server = undefined;
  }

  /** The client is read again. */
  #goOn(): void {
    this.#asking = false;
    if (!this.#paused) return;
    this.#paused = false;
    this.#login.channel.resume();
  }
}

const OPENING = new Reply([RESULT]);

const isAs = (end: Told, told: Told): boolean => end.error === told.error && end.warnings === told.warnings;

/** Units come back to the client half that found them. */
function mine(unit: Unit): MysqlUnit {
  if (unit instanceof MysqlUnit) return unit;
  throw new TypeError('a unit of another engine');
}

function linkSide(server: ServerSide): LinkSide {
  if ('statements' in server) return server as LinkSide;
  throw new TypeError('a link of another engine');
}

function own(login: Login): MysqlLogin {
  if ('traits' in login && 'version' in login) return login as MysqlLogin;
  throw new TypeError('a log-in of another engine');
}

function ended(outcome: Outcome): Outcome & MysqlEnd {
  if ('affectedRows' in outcome) return outcome as Outcome & MysqlEnd;
  throw new TypeError('the end of a reply of another engine');
}
