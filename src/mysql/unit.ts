import { type Expectation, type Extent, FORWARD, type Unit } from '../core/wire.ts';
import { type Held, NONE_HELD } from './held.ts';
import type { IdUse } from './insert-ids.ts';
import { HEADER } from './packets.ts';
import type { Typing } from './parameter-types.ts';
import type { Statement } from './prepared.ts';
import type { StatementText } from './statement-facts.ts';
import type { MysqlIntent } from './wants.ts';

/** No command: an empty packet, or data. */
export const NO_COMMAND = -1;

/** A refusal in the server's words, given as the answer to a command. */
export interface Failure {
  readonly code: number;
  readonly message: string;
}

/** What a client was told of a command. */
export interface Told {
  readonly error: string;
  readonly warnings: number;
}

/** One command of a client, or a piece of one. */
export class MysqlUnit implements Unit {
  readonly extent: Extent;
  /** The first byte of its payload; NO_COMMAND if it has none. */
  readonly command: number;
  /** Whole packets, headers included; pieces begin and end anywhere. */
  readonly bytes: Buffer;
  expect: Expectation = FORWARD;
  /** It is larger than what is gathered: the rest of it was thrown away. */
  readonly cut: boolean;
  /** Of the first packet of its answer; of a unit in pieces when all of it has come. */
  sequence = 1;
  /** What it wants. Set when it is classified. */
  intent: MysqlIntent | undefined;
  /** Of a statement, prepared or not: its text. Set when it is classified. */
  text: StatementText | undefined;
  /** The prepared statement it is about. Set when it is classified. */
  statement: Statement | undefined;
  /** No transaction is open ahead of it, and none that it opens outlives it. Set when it is classified. */
  settled = false;
  /** Of an EXECUTE with parameters: what their types are then. Set when it is classified. */
  typing: Typing | undefined;
  /** The same before it. */
  typingBefore: Typing | undefined;
  /** The statement may be run ahead of it without effect. Set when it is classified. */
  mayRunAhead = false;
  /** Its bytes may be on their way to a server, and stay as they are. Set when it is planned. */
  out = false;
  /** What it has to do with LAST_INSERT_ID(). Set when it is planned. */
  idUse: IdUse = 'none';
  /** How it ended when there was more to ask about it. Set when it is completed. */
  told: Told | undefined;
  /** Its answer is this refusal. Set when it is classified. */
  failure: Failure | undefined;
  /** SET TRANSACTION statements that were held back and belong ahead of it. Set when it is classified. */
  held: Held = NONE_HELD;
  /** Keys of statements whose cursors are closed ahead of it. Set when it is classified. */
  closes: readonly string[] = [];
  /** Packets of long data that belong ahead of it. Set when it is classified. */
  longData: readonly Buffer[] = [];

  constructor(extent: Extent, command: number, bytes: Buffer, cut = false) {
    this.extent = extent;
    this.command = command;
    this.bytes = bytes;
    this.cut = cut;
  }

  /** What follows the command's byte; of a unit in pieces: what was there of it. */
  get body(): Buffer {
    return this.bytes.subarray(HEADER + 1);
  }
}
