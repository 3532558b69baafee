import type { EngineName } from '../../src/demo/cluster.ts';
import type { ConnectionFacts, Stage, StageOptions } from '../support/stage.ts';
import type { SceneOptions } from './scene.ts';

/** Rows of a result, every value as text. */
export type Rows = (string | null)[][];

/**
 * What an error means to an application, whatever its driver calls it.
 * - `lost`: the connection is gone, and with it the outcome of what ran.
 * - `no-primary`: nothing was executed because no primary takes writes.
 * - `too-many`: nothing was executed because all places are taken.
 */
export type Meaning =
  | 'wrong-login'
  | 'no-database'
  | 'too-many'
  | 'cancelled'
  | 'duplicate'
  | 'no-table'
  | 'read-only'
  | 'failed-transaction'
  | 'no-primary'
  | 'lost'
  | 'other';

/** An error as the application sees it. */
export class Refusal extends Error {
  readonly meaning: Meaning;
  /** The engine's own code, for messages only. */
  readonly code: string;

  constructor(meaning: Meaning, code: string, message: string) {
    super(message);
    this.name = 'Refusal';
    this.meaning = meaning;
    this.code = code;
  }
}

/** For `assert.rejects`. */
export const refusedAs = (meaning: Meaning) => (error: unknown) => {
  if (error instanceof Refusal && error.meaning === meaning) return true;
  throw new Error(`expected ${meaning}, got ${describe(error)}`);
};

const describe = (error: unknown): string =>
  error instanceof Refusal ? `${error.meaning} (${error.code} ${error.message})` : String(error);

/** One session of an application, by the engine's own driver. All methods reject with a Refusal. */
export interface Client extends AsyncDisposable {
  /** One statement as text. */
  query(text: string): Promise<Rows>;
  /** One statement with `?` for its values, prepared at the server when it is first used and then kept. */
  prepared(text: string, ...values: (string | number)[]): Promise<Rows>;
  /** By which the proxy has told the session apart for cancel requests. */
  readonly number: number;
  /** Asks, as this engine's clients do, that the statement which runs now be ended. */
  cancel(): Promise<void>;
  /** The connection ends without a goodbye. */
  vanish(): void;
  /** Says goodbye; resolves when the connection is closed. Can be called again. */
  end(): Promise<void>;
}

export interface How {
  /** Certificate to trust; the connection is by TLS then. */
  readonly ca?: string;
  /** One text may hold several statements, where that has to be asked for. */
  readonly several?: boolean;
}

/** Statements that engines word differently. */
export interface Phrases {
  /** Gives the port of the server that answers, and is never a cause to leave it. */
  readonly port: string;
  /** Gives the session's time zone. */
  readonly zone: string;
  /** Two time zones, as `zone` gives them. */
  readonly zones: readonly [string, string];
  setZone(zone: string): string;
  /** Reads for so many seconds unless it is cancelled; `mark` is in its text. */
  slow(seconds: number, mark: string): string;
}

/** Statements for a superuser on one node. Those that count give one row with the column `n`. */
export interface Inspections {
  /** Statements that run now and have this text in them. */
  running(mark: string): string;
  /** Server connections of an account. */
  links(user: string): string;
  /** Transactions that an account has open. */
  transactions(user: string): string;
  /** 1 if the node receives from a primary. */
  readonly receives: string;
  /** A replica receives and applies nothing more, or goes on. */
  readonly pauseReplay: string;
  readonly resumeReplay: string;
}

/** An engine to the suite: its driver and its words. Tests never know which one they have. */
export interface Adapter {
  readonly engine: EngineName;
  /** Why the suite cannot run here, or false. */
  readonly skip: string | false;
  readonly phrases: Phrases;
  readonly inspections: Inspections;
  /** A primary and two replicas; `synchronous`: a commit is acknowledged when a replica has it. */
  stage(options: SceneOptions): StageOptions;
  open(facts: ConnectionFacts, how?: How): Promise<Client>;
  /** From now on servers remember the statements that they run. */
  record(stage: Stage): Promise<void>;
  /** How many statements with this text a node has run since, by its own record. */
  ran(stage: Stage, node: string, mark: string): Promise<number>;
}
