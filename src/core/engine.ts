import type { Catalogue } from './catalogue.ts';
import type { Verdict } from './company.ts';
import type { FunctionLists } from './function-lists.ts';
import type { NodeId, Observation } from './node.ts';
import type { Order, Position } from './position.ts';
import type { Target, Wire } from './wire.ts';

/**
 * The seam: all that a database's protocol is to the rest of the house. Four ports, no method optional;
 * each consumer receives one port, never the whole engine.
 */
export interface Engine {
  readonly name: string;
  readonly wire: Wire;
  readonly positions: Positions;
  /**
   * Where a text would go in a session on `database`, and by which rule. Without a catalogue, relations are taken
   * for plain tables.
   */
  explain(text: string, database: string, catalogue: Catalogue | undefined, lists: FunctionLists): Explained;
  /** A catalogue as plain data that another process can take, and back. */
  pack(catalogue: Catalogue): unknown;
  unpack(packed: unknown): Catalogue;
  /** Opens a prober; its owner closes it. */
  probe(options: ProbeOptions): Probe;
  control(options: ControlOptions): Control;
}

/** How a text was judged, for people. */
export interface Explained {
  readonly kind: string;
  /** `replica` or `primary`. */
  readonly route: string;
  readonly rule: string;
  /** The word or name that decided; '' if none. */
  readonly detail: string;
  /** The rule in words. */
  readonly reason: string;
  /** Whether it may share a server connection. */
  readonly lane: Verdict;
  /** What the answer rests on and nobody has checked. */
  readonly assumption?: string;
}
// ---------------------------------------------------------------- Positions: routing and failover

export interface Positions {
  /** How `a` stands to `b`. Pure. */
  compare(a: Position, b: Position): Order;
  /** Bytes from `behind` to `ahead`, or an estimate of them; undefined where they are not on one line. */
  distance(behind: Position, ahead: Position): number | undefined;
}

// ---------------------------------------------------------------- Probe: topology

export interface ProbeOptions {
  readonly clock: { now(): number };
  /** Bound of one observation, connecting included, in ms. */
  readonly timeoutMs: number;
  /** How this proxy names itself to servers: cluster and instance. */
  readonly applicationName: string;
  /** Configured nodes besides the primary: what "all standbys" counts. */
  readonly replicas: number;
  /** The account replicas stream with: `rights` then says whether it may. */
  readonly replication?: { readonly user: string; readonly password: string | undefined } | undefined;
  /** This proxy is meant to promote: `rights` then reports what is missing for that as errors. */
  readonly promotes: boolean;
}

/** One thing an account or server lacks, in words, and what to do about it. */
export interface Finding {
  readonly severity: 'error' | 'warning' | 'ok';
  readonly what: string;
  readonly mend: string;
}

export interface Probe {
  /** Never rejects: what went wrong is an observation. Keeps one connection a node. */
  observe(target: Target): Promise<Observation>;
  /** Rejects with a ProxyError. */
  catalogue(target: Target): Promise<Catalogue>;
  /** Rejects with a ProxyError when the node cannot be asked. */
  rights(target: Target): Promise<readonly Finding[]>;
  close(): Promise<void>;
}

// ---------------------------------------------------------------- Control: failover's runner

export interface ControlOptions {
  readonly timeoutMs: number;
  readonly applicationName: string;
  /** The account replicas stream with. */
  readonly replication: { readonly user: string; readonly password: string | undefined };
}

/** Why it is certain that the old primary can acknowledge nothing more to any client (spec I2). */
export interface Fenced {
  readonly node: NodeId;
  readonly proof: 'shut-down' | 'in-recovery' | 'hook' | 'links-closed' | 'lease-ended' | 'operator';
}

/** Every call rejects with a ProxyError. Each opens and closes its own connection. */
export interface Control {
  /** Advice, not proof: makes a superseded primary refuse writes and ends its sessions. */
  fence(target: Target): Promise<void>;
  /** Lifts what `fence` set. */
  unfence(target: Target): Promise<void>;
  /** Resolves when the node accepts writes; gives its new branch of history. */
  promote(target: Target, proof: Fenced): Promise<{ readonly branch: string }>;
  /** Makes a replica stream from `primary`; resolves when it receives. */
  follow(target: Target, primary: Target): Promise<void>;
}
