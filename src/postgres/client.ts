import type { ProxyError } from '../core/errors.ts';
import type { Intent } from '../core/intent.ts';
import {
  type ClientSide,
  type Login,
  type Plan,
  type ServerSide,
  type SessionFacts,
  SWALLOW,
  type TransactionStatus,
  type Unit,
} from '../core/wire.ts';
import { errorResponse } from './errors.ts';
import { PostgresUnit, UnitFinder } from './finder.ts';
import { message, readyForQuery } from './messages.ts';
import { behindBegin } from './opening.ts';
import { acceptedFor } from './prepared.ts';
import { PostgresServer } from './server.ts';
import { supplyReply } from './supply.ts';
import { UnitReader } from './units.ts';

/** Bytes of a unit that are gathered before it is sent on in pieces, unread. */
const UNIT_LIMIT = 1024 * 1024;

/** The client half of one session. */
export class PostgresClient implements ClientSide {
  readonly #login: Login;
  readonly #finder = new UnitFinder(UNIT_LIMIT);
  readonly #reader: UnitReader;

  constructor(login: Login) {
    this.#login = login;
    this.#reader = new UnitReader(acceptedFor(login.user, login.database));
  }

  get buffered(): number {
    return this.#finder.buffered;
  }

  get saysGoodbye(): boolean {
    return this.#finder.saysGoodbye;
  }

  push(chunk: Buffer): void {
    this.#finder.push(chunk);
  }

  unread(): Buffer {
    return NOTHING;
  }

  next(): Unit | undefined {
    const unit = this.#finder.next();
    if (unit?.extent === 'part' || unit?.extent === 'last') this.#reader.streams(unit);
    return unit;
  }

  classify(unit: Unit, facts: SessionFacts): Intent {
    return this.#reader.classify(own(unit), facts);
  }

  copying(unit: Unit, active: boolean): void {
    // A simple copy ends by itself; an extended one by a Sync that answers for the whole unit.
    if (own(unit).shape === 'extended' && unit.extent === 'whole') this.#finder.copying(active);
  }

  plan(unit: Unit, server: ServerSide, busy: boolean): Plan | undefined {
    if (!(server instanceof PostgresServer)) throw new TypeError('a link of another engine');
    return this.#reader.plan(own(unit), server.statements, busy);
  }

  mayShare(unit: Unit): boolean {
    const { extent, shape } = own(unit);
    return extent === 'whole' && (shape === 'simple' || shape === 'extended');
  }

  opening(unit: Unit): Plan {
    return { bytes: message('Q', own(unit).text, ZERO), expect: SWALLOW };
  }

  openedBy(held: Unit, unit: Unit, server: ServerSide): Plan | undefined {
    const plan = unit.extent === 'whole' ? this.plan(unit, server, false) : undefined;
    return plan === undefined ? undefined : behindBegin(own(held).text, own(unit), plan);
  }

  supply(unit: Unit, status: TransactionStatus, failed: boolean): void {
    this.#reader.keep(own(unit));
    this.#login.channel.write(supplyReply(own(unit), status, failed));
  }

  completed(): undefined {}

  learned(): void {}

  fail(error: ProxyError, status: TransactionStatus): void {
    this.#login.channel.write(Buffer.concat([errorResponse(error, 'ERROR'), readyForQuery(status)]));
  }

  die(error: ProxyError): void {
    this.#login.channel.end(errorResponse(error, 'FATAL'));
  }
}

const ZERO = Buffer.alloc(1);
const NOTHING = Buffer.alloc(0);

/** Units come back to the client half that found them. */
function own(unit: Unit): PostgresUnit {
  if (unit instanceof PostgresUnit) return unit;
  throw new TypeError('a unit of another engine');
}
