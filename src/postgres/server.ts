import { ProxyError } from '../core/errors.ts';
import { noSettings, type SettingChange, type Settings } from '../core/settings.ts';
import {
  type Adjustment,
  type Aside,
  type AuditResult,
  CAPTURE,
  type Expectation,
  FORWARD,
  type Greeting,
  type Opened,
  type Outcome,
  type Plan,
  type ReplySink,
  type ServerSide,
  SWALLOW,
  type TransactionStatus,
} from '../core/wire.ts';
import { AUDIT_TEXT, auditText, readAudit } from './audit.ts';
import { dataRow, errorFields, queryMessage } from './frames.ts';
import { LinkStatements } from './prepared.ts';
import { ReplyState } from './reply-state.ts';
import { adjustText, formatsOnly } from './settings.ts';
import { completesStep, type Step, SteppedReply } from './steps.ts';

// PostgreSQL manual, 54.7 Message Formats: the bytes that begin the messages decoded here.
const READY = 0x5a; // Z
const ERROR = 0x45; // E
const NOTICE = 0x4e; // N
const NOTIFICATION = 0x41; // A
const PARAMETER = 0x53; // S
const COMPLETE = 0x43; // C
const COPY_IN = 0x47; // G
const COPY_BOTH = 0x57; // W
const DATA_ROW = 0x44; // D

/** What a server may say at most in a message that has to be read whole: errors, parameters, audit rows. */
const DECODED_LIMIT = 8 * 1024 * 1024;

/** Differs from node to node of one cluster; clients get the primary's value for the life of the session. */
const NODE_PARAMETER = 'in_hot_standby';

/** Parameters that say how constants in a text are read when it is parsed. */
const READING = ['DateStyle', 'IntervalStyle', 'TimeZone', 'client_encoding', 'standard_conforming_strings'];

/**
 * The server half of one link: follows the server's messages by their headers, decodes the few that decide
 * something, and passes the rest on as the memory that was read.
 */
export class PostgresServer implements ServerSide {
  /** Prepared statements that this server connection knows. */
  readonly statements = new LinkStatements();
  readonly #parameters: Map<string, string>;
  readonly #reply = new ReplyState();
  /** The beginning of a message that must be seen whole, or of a header. */
  #stash: Buffer | undefined;
  /** Bytes still to come of a message that is passed on in pieces. */
  #bodyLeft = 0;

  constructor(opened: Opened) {
    this.#parameters = new Map(opened.greeting.parameters);
    this.#read();
  }

  #read(): void {
    this.statements.readsAs(READING.map((name) => this.#parameters.get(name) ?? '').join('\0'));
  }

  get greeting(): Greeting {
    const parameters = new Map(this.#parameters);
    if (parameters.has(NODE_PARAMETER)) parameters.set(NODE_PARAMETER, 'off');
    return { parameters };
  }

  feed(read: Buffer, sink: ReplySink): void {
    let chunk = read;
    if (this.#stash !== undefined) {
      chunk = Buffer.concat([this.#stash, read]);
      this.#stash = undefined;
    }
    let at = 0;
    /** Start of the bytes that are to be delivered with the next call. */
    let from = 0;
    if (this.#bodyLeft > 0) {
      at = Math.min(this.#bodyLeft, chunk.length);
      this.#bodyLeft -= at;
      if (this.#drops(sink.head)) from = at;
    }
    while (at < chunk.length) {
      const left = chunk.length - at;
      if (left < 5) break;
      const type = chunk[at] as number;
      // 54.7: the length counts itself, not the type byte.
      const length = chunk.readUInt32BE(at + 1) + 1;
      if (length < 5) throw lostTrack(`a message of type ${type} with length ${length - 1}`);
      const end = at + length;
      if (type === DATA_ROW || !isDecoded(type)) {
        const head = sink.head;
        if (head === undefined) throw lostTrack(`an answer of type ${type} that nobody asked for`);
        if (type === DATA_ROW && head.capture) {
          if (left < length) break;
          this.#reply.rows.push(dataRow(chunk, at + 5));
        }
        if (head !== FORWARD) from = this.#special(type, head, chunk, from, at, end, sink);
        if (left < length) {
          this.#bodyLeft = length - left;
          at = chunk.length;
          break;
        }
        at = end;
        continue;
      }
      if (left < length) {
        if (length > DECODED_LIMIT) throw lostTrack(`a message of type ${type} with ${length} bytes`);
        break;
      }
      from = this.#decode(type, chunk, from, at, end, sink);
      at = end;
    }
    if (from < at && !this.#drops(sink.head)) this.#deliver(chunk.subarray(from, at), sink);
    if (at < chunk.length) this.#stash = Buffer.from(chunk.subarray(at));
  }

  remaining(): Settings {
    return noSettings;
  }

  adjust(changes: readonly SettingChange[], told = false): Adjustment {
    const expect = told ? SWALLOW_TELLING : SWALLOW;
    return { bytes: queryMessage(adjustText(changes)), expect, critical: !formatsOnly(changes) };
  }

  get reset(): Plan {
    return RESET;
  }

  get ping(): Plan {
    return PING;
  }

  get rollback(): Plan {
    return ROLLBACK;
  }

  get plain(): Plan {
    return PLAIN;
  }

  audit(touched: Iterable<string>, startup: Settings): Plan {
    const text = auditText(touched, startup);
    return text === AUDIT_TEXT ? AUDIT : { bytes: queryMessage(text), expect: CAPTURE };
  }

  audited(outcome: Outcome): AuditResult {
    return readAudit(outcome);
  }

  get quit(): Buffer {
    return TERMINATE;
  }

  /** Nothing of the head's reply goes to a session. */
  #drops(head: Expectation | undefined): boolean {
    return head === undefined || head.mode === 'swallow' || this.#reply.dropped;
  }

  /** One message of a reply that is not simply passed on; gives the new start of what is to be delivered. */
  #special(
    type: number,
    head: Expectation,
    chunk: Buffer,
    from: number,
    at: number,
    end: number,
    sink: ReplySink,
  ): number {
    if (this.#drops(head)) return Math.min(end, chunk.length);
    if (!(head instanceof SteppedReply)) return from;
    const start = this.#supply(head, chunk, from, at, sink);
    // A message whose end is still to come completes its step when it has begun: nothing else can follow it.
    if (!completesStep(type) || this.#step(head) !== 'swallow') return start;
    if (start < at) this.#deliver(chunk.subarray(start, at), sink);
    return end;
  }

  /** Another message of the batch has been carried out. */
  #step(head: SteppedReply): Step['take'] | undefined {
    const step = head.steps[this.#reply.step];
    this.#reply.step++;
    step?.done?.();
    return step?.take;
  }

  /** Before a message: the answers that stand in for messages which were not sent and belong ahead of it. */
  #supply(head: SteppedReply, chunk: Buffer, from: number, at: number, sink: ReplySink): number {
    if (head.steps[this.#reply.step]?.take !== 'supply') return from;
    if (from < at) this.#deliver(chunk.subarray(from, at), sink);
    for (
      let step = head.steps[this.#reply.step];
      step?.take === 'supply';
      step = head.steps[this.#reply.step]
    ) {
      this.#reply.step++;
      step.done?.();
      if (step.answer !== undefined) this.#deliver(step.answer, sink);
    }
    return at;
  }

  /** An error: what comes behind it in the batch is never carried out. */
  #abandon(head: SteppedReply): void {
    for (const step of head.steps.slice(this.#reply.step)) step.undone?.();
    this.#reply.step = head.steps.length;
  }

  #deliver(bytes: Buffer, sink: ReplySink): void {
    this.#reply.delivered = true;
    sink.deliver(bytes);
  }

  /** Reads one whole message that decides something; gives the new start of what is to be delivered. */
  #decode(type: number, chunk: Buffer, began: number, at: number, end: number, sink: ReplySink): number {
    const reply = this.#reply;
    const head = sink.head;
    if (head === undefined) return this.#unasked(type, chunk, at, end, sink);
    if (type === ERROR) return this.#error(head, chunk, began, at, end, sink);
    let from = began;
    if (head instanceof SteppedReply && !reply.dropped) from = this.#supply(head, chunk, began, at, sink);
    switch (type) {
      case READY:
        reply.status = statusOf(chunk[at + 5]);
        if (!this.#drops(head)) this.#deliver(chunk.subarray(from, end), sink);
        this.statements.answered();
        this.statements.refuses = reply.status === 'failed';
        sink.done(reply);
        reply.clear();
        return end;
      case COMPLETE:
        this.#completed(chunk, at + 5);
        if (head instanceof SteppedReply && this.#step(head) === 'swallow' && !reply.dropped) {
          if (from < at) this.#deliver(chunk.subarray(from, at), sink);
          return end;
        }
        break;
      case PARAMETER:
        return this.#parameter(chunk, from, at, end, sink);
      case COPY_IN:
      case COPY_BOTH:
        if (!this.#drops(head)) this.#deliver(chunk.subarray(from, end), sink);
        sink.copyIn();
        return end;
      case NOTICE:
        // It is no part of the answer, of which a client may have seen nothing yet.
        if (!isLastWord(chunk, at, end)) break;
        if (from < at && !this.#drops(head)) this.#deliver(chunk.subarray(from, at), sink);
        sink.aside(terminating(errorFields(chunk.subarray(at + 5, end))));
        return end;
      case NOTIFICATION:
        // Nobody's answer: it must reach the session even in the middle of a swallowed reply.
        if (this.#drops(head)) sink.aside({ kind: 'message', bytes: chunk.subarray(at, end) });
        break;
    }
    return this.#drops(head) ? end : from;
  }

  /** CommandComplete: the tag begins at `at`. */
  #completed(chunk: Buffer, at: number): void {
    // 'ROL' of the tag ROLLBACK, which also answers the COMMIT of a failed transaction.
    this.#reply.rolledBack = chunk[at] === 0x52 && chunk[at + 1] === 0x4f && chunk[at + 2] === 0x4c;
    // 'D…C… ALL': DISCARD ALL and DEALLOCATE ALL take the shared statements along.
    if (chunk[at] !== 0x44) return;
    const tag = chunk.toString('latin1', at, at + 15);
    if (tag.startsWith('DISCARD ALL') || tag.startsWith('DEALLOCATE ALL')) this.statements.clear();
  }

  #error(head: Expectation, chunk: Buffer, from: number, at: number, end: number, sink: ReplySink): number {
    const reply = this.#reply;
    const fields = errorFields(chunk.subarray(at + 5, end));
    if (reply.error === '') {
      reply.error = fields.code;
      reply.message = fields.message;
    }
    if (fields.fatal) {
      // The connection closes next; what the client is told of it is decided there.
      sink.aside(terminating(fields));
      reply.dropped = true;
    } else if (head.mode === 'forward' && !reply.delivered && sink.refused(fields.code)) {
      reply.dropped = true;
    }
    const stepped = head instanceof SteppedReply;
    if (stepped && head.mend !== undefined && reply.step < head.mend.steps) sink.mend(head.mend.bytes);
    const start = stepped && !reply.dropped ? this.#supply(head, chunk, from, at, sink) : from;
    if (stepped) this.#abandon(head);
    return this.#drops(head) ? end : start;
  }

  #parameter(chunk: Buffer, from: number, at: number, end: number, sink: ReplySink): number {
    const [name = '', value = ''] = chunk.toString('utf8', at + 5, end - 1).split('\0');
    const known = this.#parameters.get(name) === value;
    this.#parameters.set(name, value);
    if (READING.includes(name)) this.#read();
    const dropped = this.#drops(sink.head);
    if (name === NODE_PARAMETER) {
      if (!dropped && from < at) this.#deliver(chunk.subarray(from, at), sink);
      sink.aside({ kind: 'role-changed' });
      return end;
    }
    if (!known) this.#reply.settingChanged = true;
    if (!known && sink.head === SWALLOW_TELLING)
      sink.aside({ kind: 'message', bytes: chunk.subarray(at, end) });
    return dropped ? end : from;
  }

  /** A message while no reply is owed: the server speaks by itself. */
  #unasked(type: number, chunk: Buffer, at: number, end: number, sink: ReplySink): number {
    if (type === PARAMETER) return this.#parameter(chunk, end, at, end, sink);
    if (type === ERROR || isLastWord(chunk, at, end)) {
      sink.aside(terminating(errorFields(chunk.subarray(at + 5, end))));
      return end;
    }
    if (type === NOTICE || type === NOTIFICATION) {
      sink.aside({ kind: 'message', bytes: chunk.subarray(at, end) });
      return end;
    }
    throw lostTrack(`a message of type ${type} while no answer was due`);
  }
}

/** Messages that are read whole; all others are passed on by their header. */
function isDecoded(type: number): boolean {
  switch (type) {
    case READY:
    case COMPLETE:
    case ERROR:
    case PARAMETER:
    case NOTICE:
    case NOTIFICATION:
    case COPY_IN:
    case COPY_BOTH:
      return true;
    default:
      return false;
  }
}

/** A server that ends all its connections because another of its processes has died says so in a warning (57P02). */
function isLastWord(chunk: Buffer, at: number, end: number): boolean {
  return chunk[at] === NOTICE && errorFields(chunk.subarray(at + 5, end)).code === '57P02';
}

/** Appendix A, class 57: 57P01 admin_shutdown, 57P05 idle_session_timeout; 25P03 an idle transaction's end. */
function terminating({ code, message }: { code: string; message: string }): Aside {
  // A postmaster that died is told with the same code as an administrator's command.
  const orderly =
    (code === '57P01' && !message.includes('postmaster')) || code === '57P05' || code === '25P03';
  return { kind: 'terminating', code, message, orderly };
}

function statusOf(byte: number | undefined): TransactionStatus {
  if (byte === 0x49) return 'idle'; // I
  if (byte === 0x54) return 'transaction'; // T
  if (byte === 0x45) return 'failed'; // E
  throw lostTrack(`a transaction status of ${byte}`);
}

function lostTrack(what: string): ProxyError {
  return new ProxyError('PROTOCOL', {
    side: 'server',
    retry: 'unknown',
    tell: `the server sent ${what}`,
  });
}

/** Swallowed, but for the parameters that change. */
const SWALLOW_TELLING: Expectation = { ...SWALLOW };
const PLAIN: Plan = {
  bytes: queryMessage('RESET SESSION AUTHORIZATION;RESET ROLE;RESET ALL'),
  expect: SWALLOW,
};
const RESET: Plan = { bytes: queryMessage('DISCARD ALL'), expect: SWALLOW };
const ROLLBACK: Plan = { bytes: queryMessage('ROLLBACK'), expect: SWALLOW };
const PING: Plan = { bytes: queryMessage(''), expect: SWALLOW };
const AUDIT: Plan = { bytes: queryMessage(AUDIT_TEXT), expect: CAPTURE };
const TERMINATE = Buffer.from([0x58, 0, 0, 0, 4]);
