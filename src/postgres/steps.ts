import type { Expectation } from '../core/wire.ts';

/**
 * One message of an extended batch and what becomes of its answer. `forward`: it is the session's. `swallow`: the
 * proxy put the message in. `supply`: the message was not sent, and `answer` stands in for the server's.
 */
export interface Step {
  readonly take: 'forward' | 'swallow' | 'supply';
  readonly answer?: Buffer;
  /** The message has been carried out. */
  done?(): void;
  /** It never was: an error came first, or it is the error. */
  undone?(): void;
}

/** The reply to a batch that is not sent as it came: every message's answer has its own fate. */
export class SteppedReply implements Expectation {
  readonly mode = 'forward';
  readonly capture = false;
  readonly steps: readonly Step[];
  /** What to send if one of the first so many steps fails: nothing behind them ends the batch then. */
  readonly mend: { readonly steps: number; readonly bytes: Buffer } | undefined;

  constructor(steps: readonly Step[], mend?: SteppedReply['mend']) {
    this.steps = steps;
    this.mend = mend;
  }
}

/**
 * Messages of a server that complete the answer to one message of a batch (manual 54.2.3), beside
 * CommandComplete, which is read for other reasons too.
 */
export function completesStep(type: number): boolean {
  switch (type) {
    case 0x31: // 1 ParseComplete
    case 0x32: // 2 BindComplete
    case 0x33: // 3 CloseComplete
    case 0x6e: // n NoData: ends the answer to Describe
    case 0x54: // T RowDescription: likewise
    case 0x49: // I EmptyQueryResponse
    case 0x73: // s PortalSuspended
      return true;
    default:
      return false;
  }
}
