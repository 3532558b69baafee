import type { Company } from '../core/company.ts';
import type { View } from '../core/view.ts';

/** What the admin surface may ask of the rest of the house; app.ts gives it. */
export interface AdminSources {
  readonly version: string;
  /** The scrape: text and its content type. */
  metrics(): Promise<{ readonly text: string; readonly contentType: string }>;
  clusters(): readonly ClusterStatus[] | Promise<readonly ClusterStatus[]>;
  /** Where a statement would go, and by which rule. Rejects with a ProxyError. */
  explain(question: ExplainQuestion): Promise<Explanation>;
}

/** One cluster as an operator sees it. Plain JSON: no secret, no key of a session. */
export interface ClusterStatus {
  readonly name: string;
  readonly engine: string;
  /** Where clients connect, e.g. `127.0.0.1:6432`. */
  readonly address: string;
  /** The listener takes clients. */
  readonly listening: boolean;
  readonly view: View;
  readonly sessions: SessionsStatus;
  readonly pools: readonly PoolStatus[];
}

export interface SessionsStatus {
  readonly clients: number;
  /** Sessions that keep a server connection, by reason. */
  readonly pinned: Readonly<Record<string, number>>;
  /** Requests that wait for a primary, and their bytes. */
  readonly held: number;
  readonly heldBytes: number;
}

/** The server connections of one node, user and database. */
export interface PoolStatus {
  readonly node: string;
  readonly user: string;
  readonly database: string;
  readonly size: number;
  readonly open: number;
  readonly busy: number;
  readonly waiting: number;
  /** Of the busy ones: those that sessions share now, and the requests under way on them. */
  readonly lanes: number;
  readonly laneOwed: number;
}

export interface ExplainQuestion {
  readonly cluster: string;
  /** undefined: without a catalogue of names. */
  readonly database: string | undefined;
  readonly sql: string;
}

export interface Explanation {
  readonly kind: string;
  /** `primary`, `replica`, `hold`, …: where it would go now. */
  readonly route: string;
  readonly rule: string;
  readonly detail: string;
  readonly reason: string;
  /** Whether it may share a server connection, and what its runs have cost so far. */
  readonly lane: Company;
}
