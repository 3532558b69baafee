/** How a cluster is watched and what may be done about a loss. Times in ms. */
export interface FailoverSettings {
  /** `observe`: an outside manager promotes and is followed. `promote`: this proxy decides. */
  readonly mode: 'observe' | 'promote';
  /** From the start of one probe of a node to the next. */
  readonly intervalMs: number;
  /** Bound of one probe. */
  readonly probeTimeoutMs: number;
  /** The pace of probes while something is wrong. */
  readonly suspectIntervalMs: number;
  /** Probes in a row that must find nobody there before this proxy's own signal counts. */
  readonly confirmFailures: number;
  /** Ms that those probes must span. */
  readonly confirmMs: number;
  /** How long a primary may say that it is starting before it is treated as lost. */
  readonly startWaitMs: number;
  /** No second promotion by itself within this time. */
  readonly cooldownMs: number;
  /** How far a candidate may be behind the last observed position of the primary, in bytes. */
  readonly lossBoundBytes: number;
  readonly promoteTimeoutMs: number;
  readonly followTimeoutMs: number;
  readonly fenceTimeoutMs: number;
  readonly rejoinTimeoutMs: number;
}

export const defaultFailoverSettings: FailoverSettings = {
  mode: 'observe',
  intervalMs: 500,
  probeTimeoutMs: 1_500,
  suspectIntervalMs: 50,
  confirmFailures: 2,
  confirmMs: 100,
  startWaitMs: 10_000,
  cooldownMs: 60_000,
  lossBoundBytes: 16 * 1024 * 1024,
  promoteTimeoutMs: 10_000,
  followTimeoutMs: 10_000,
  fenceTimeoutMs: 5_000,
  rejoinTimeoutMs: 600_000,
};
