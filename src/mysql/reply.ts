import type { Expectation } from '../core/wire.ts';

/**
 * What a command is answered with.
 * - `result`: OK, ERR, a request for a local file, or result sets, as many as the flags say. COM_QUERY, COM_STMT_EXECUTE.
 * - `done`: OK, EOF or ERR.
 * - `prepare`: what COM_STMT_PREPARE is answered with.
 * - `columns`: column definitions up to their end, or ERR. COM_FIELD_LIST.
 * - `rows`: rows up to their end, or ERR. COM_STMT_FETCH.
 * - `line`: one packet of text. COM_STATISTICS.
 */
export type Shape = 'result' | 'done' | 'prepare' | 'columns' | 'rows' | 'line';

/** One command of a plan and where its answer goes. */
export interface Answer {
  readonly shape: Shape;
  /** Exactly one answer of a unit's plan is forwarded. */
  readonly take: 'forward' | 'swallow';
  /** The statement's number on the server, from the answer to its PREPARE. */
  readonly prepared?: (statement: number, parameters: number) => void;
  /** It ended with an error. */
  readonly failed?: (error: string) => void;
  /** It ended without one. */
  readonly succeeded?: () => void;
  /** As of Reply, for this command alone. */
  readonly settingsOnly?: true;
  /** A forwarded PREPARE: the number that the client is given instead. */
  readonly number?: number;
}

/** What a client understands. Its server connection understands all of it (DEPRECATE_EOF, SESSION_TRACK). */
export interface Traits {
  readonly deprecateEof: boolean;
  readonly sessionTrack: boolean;
  /** LOAD DATA LOCAL. */
  readonly localFiles: boolean;
}

/** For a plan of one or more commands, answered in their order. */
export class Reply implements Expectation {
  readonly mode: 'forward' | 'swallow';
  readonly capture: boolean;
  readonly answers: readonly Answer[];
  /** Of the client that the forwarded answer is for. */
  readonly traits: Traits;
  /**
   * The unit can change nothing but system variables and the schema: a reported change of state is then no pin.
   */
  readonly settingsOnly: boolean;

  constructor(
    answers: readonly Answer[],
    { traits = FULL_TRAITS, capture = false, settingsOnly = false }: Partial<ReplyFacts> = {},
  ) {
    this.answers = answers;
    this.mode = answers.some(({ take }) => take === 'forward') ? 'forward' : 'swallow';
    this.capture = capture;
    this.traits = traits;
    this.settingsOnly = settingsOnly;
  }
}

export interface ReplyFacts {
  readonly traits: Traits;
  readonly capture: boolean;
  readonly settingsOnly: boolean;
}

export const FULL_TRAITS: Traits = { deprecateEof: true, sessionTrack: true, localFiles: true };

/** How a reply ended, with what this protocol says beyond the seam's Outcome. */
export interface MysqlEnd {
  /** Of the last OK packet of the forwarded answer. */
  readonly affectedRows: bigint;
  /** 0: none was generated. */
  readonly insertId: bigint;
  readonly warnings: number;
  /** Rows of the last result set of the forwarded answer; -1: there was none. */
  readonly rowCount: number;
  /**
   * The connection's character set was set and nothing has said with which collation: COLLATION_QUESTION
   * (settings.ts) makes the server say it.
   */
  readonly collationUnknown: boolean;
}
