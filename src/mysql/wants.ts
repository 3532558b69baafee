import type { Intent } from '../core/intent.ts';

/** What a text wants, with what only this protocol's client half needs to know. */
export interface MysqlIntent extends Intent {
  /** It asks for the value that an earlier statement generated: LAST_INSERT_ID(), @@identity, @@last_insert_id. */
  readonly insertId: boolean;
  /** It can change nothing but system variables and the schema. */
  readonly settingsOnly: boolean;
  /** The session itself knows the answer; with `here`. */
  readonly question?: Question;
  /** SET TRANSACTION without SESSION: goes ahead of the next transaction; with `here`. */
  readonly nextTransaction?: NextTransaction;
  /** SET of what is the proxy's own: `pointsman.route`, `session_track_…`; with `here`. */
  readonly own?: readonly OwnSetting[];
  /** It cannot be done through links that others use too: the words of the error it is answered with; with `here`. */
  readonly refused?: string;
  /** Its result has a number of rows that only FOUND_ROWS() on the same link tells (SQL_CALC_FOUND_ROWS). */
  readonly countsRows?: boolean;
  /** FOUND_ROWS() after it is the number of rows that it sends. Left out: its text has to be looked at. */
  readonly sendsAll?: boolean;
}

/** A whole statement that asks for nothing else. */
export interface Question {
  readonly about:
    | 'warnings'
    | 'errors'
    | 'warning-count'
    | 'error-count'
    | 'row-count'
    | 'found-rows'
    | 'connection-id';
  /** The name of the only column, as the server would give it; '' for SHOW. */
  readonly column: string;
  /** LIMIT of SHOW WARNINGS and SHOW ERRORS. */
  readonly offset: number;
  readonly limit: number;
}

export interface NextTransaction {
  readonly readOnly: boolean | undefined;
  readonly serializable: boolean | undefined;
}

export interface OwnSetting {
  /** Lower case. */
  readonly name: string;
  readonly value: string;
}
