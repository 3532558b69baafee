/** Where the first answer that begins at `from` ends; -1 if not all of it is there. */
export type AnswerEnd = (bytes: Buffer, from: number) => number;

/** A connection to the server, for writing. */
export interface Outlet {
  write(bytes: Buffer): void;
}

/** Open requests after which the next connection is taken. */
const FULL = 16;
/** Answers that were given, after which the queue is cut. */
const CUT_AFTER = 1_024;

/**
 * One server connection of the floor: requests go out in the order in which they came, so do the answers. At once if
 * none is open, else all of one turn of the event loop in one write.
 */
export class FloorLane {
  readonly #server: Outlet;
  readonly #answerEnd: AnswerEnd;
  readonly #clients: Outlet[] = [];
  /** Where the client of the next answer is. */
  #next = 0;
  #unsent: Buffer[] = [];
  #unread: Buffer | undefined;
  #isScheduled = false;

  constructor(server: Outlet, answerEnd: AnswerEnd) {
    this.#server = server;
    this.#answerEnd = answerEnd;
  }

  /** Requests without an answer. */
  get open(): number {
    return this.#clients.length - this.#next;
  }

  /** Sends one whole request; its answer goes to that client. */
  ask(request: Buffer, client: Outlet): void {
    this.#clients.push(client);
    this.#unsent.push(request);
    if (this.open === 1) this.#send();
    else if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(() => {
        this.#isScheduled = false;
        this.#send();
      });
    }
  }

  /** What the server sent: each client is given its own answer, once all of it is there. */
  take(chunk: Buffer): void {
    const bytes = this.#unread === undefined ? chunk : Buffer.concat([this.#unread, chunk]);
    let from = 0;
    for (let end = this.#answerEnd(bytes, from); end !== -1; end = this.#answerEnd(bytes, from)) {
      this.#clients[this.#next++]?.write(bytes.subarray(from, end));
      from = end;
    }
    this.#unread = from < bytes.length ? bytes.subarray(from) : undefined;
    if (this.#next < CUT_AFTER) return;
    this.#clients.splice(0, this.#next);
    this.#next = 0;
  }

  #send(): void {
    const [first] = this.#unsent;
    if (first === undefined) return;
    this.#server.write(this.#unsent.length === 1 ? first : Buffer.concat(this.#unsent));
    this.#unsent = [];
  }
}

type Filled = Pick<FloorLane, 'open'>;

/** The first that is not full, else the one with the fewest open requests. There is at least one. */
export const pickLane = <Lane extends Filled>(lanes: readonly Lane[]): Lane =>
  lanes.find(({ open }) => open < FULL) ?? leastOpen(lanes);

/** The one with the fewest open requests. There is at least one. */
export const leastOpen = <Lane extends Filled>(lanes: readonly Lane[]): Lane =>
  lanes.reduce((least, lane) => (lane.open < least.open ? lane : least));
