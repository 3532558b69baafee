/** A timer that its owner cancels. */
export interface Timer {
  cancel(): void;
}

/** Time as an input: app.ts passes the real one in, tests a manual one. */
export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Calls once after `ms`; does not keep the process alive. */
  after(ms: number, call: () => void): Timer;
}
