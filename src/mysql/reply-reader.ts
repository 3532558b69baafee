import type { Channel } from '../core/channel.ts';
import type { ReplySink } from '../core/wire.ts';
import {
  STATUS_AUTOCOMMIT,
  STATUS_CURSOR,
  STATUS_IN_TRANSACTION,
  STATUS_MORE_RESULTS,
  STATUS_NO_BACKSLASH_ESCAPES,
} from './capabilities.ts';
import type { LinkStatements } from './link-statements.ts';
import { type ErrFacts, errPacket } from './messages.ts';
import { OkPacket } from './ok-packet.ts';
import { FULL, HEADER, lengthAt, PayloadReader, packet } from './packets.ts';
import { Passage } from './passage.ts';
import { END, ERR, LOCAL_FILE, lostTrack, OK, textRow } from './payloads.ts';
import { type Refusal, refusalOf, terminating } from './refusal.ts';
import { type Answer, FULL_TRAITS, Reply, type Traits } from './reply.ts';
import { ReplyState } from './reply-state.ts';
import { AdjustReply } from './settings.ts';
import type { Tracked } from './tracked.ts';

// What the next packet of an answer is.
/** Its first, or the first of another result. */
const FIRST = 0;
/** The definition of a column of a result. */
const COLUMN = 1;
/** A row, or what ends them. */
const ROW = 2;
/** The definition of a parameter or a column of a prepared statement. */
const PREPARED = 3;
/** Nothing: the server ends the connection. */
const NOTHING = 4;

/** What a server may say at most in a packet that has to be read whole: errors, definitions, captured rows. */
const DECODED_LIMIT = 8 * 1024 * 1024;
/** Of the flags of an answer those that hold before its statement is carried out. */
const STANDING = STATUS_IN_TRANSACTION | STATUS_AUTOCOMMIT | STATUS_NO_BACKSLASH_ESCAPES;

/** What a reader has to do with, of one link. */
export interface LinkParts {
  readonly channel: Channel;
  readonly statements: LinkStatements;
  readonly tracked: Tracked;
  /** Its session's default. */
  readonly autocommit: boolean;
  /** What a client is told that does not take part in LOAD DATA LOCAL. */
  readonly noLocalFiles: ErrFacts;
}

/** Follows the answers on one link by the headers of their packets, and decodes the few that decide something. */
export class ReplyReader {
  readonly #channel: Channel;
  readonly #statements: LinkStatements;
  readonly #tracked: Tracked;
  readonly #reply = new ReplyState();
  readonly #passage = new Passage(this.#reply);
  readonly #ok = new OkPacket();
  #stage = FIRST;
  /** Definitions that are still to come; of a prepared statement those of its columns behind. */
  #left = 0;
  #behind = 0;
  /** The client expects an EOF packet before what comes next. */
  #eofDue = false;
  /** Of the client that the answer is for. */
  #traits: Traits = FULL_TRAITS;
  /** Status flags as of the last answer. */
  #flags: number;
  readonly #noLocalFiles: ErrFacts;

  constructor({ channel, statements, tracked, autocommit, noLocalFiles }: LinkParts) {
    this.#channel = channel;
    this.#statements = statements;
    this.#tracked = tracked;
    this.#flags = autocommit ? STATUS_AUTOCOMMIT : 0;
    this.#noLocalFiles = noLocalFiles;
  }

  feed(read: Buffer, sink: ReplySink): void {
    if (this.#stage === NOTHING) return;
    this.#passage.begin(read);
    try {
      while (this.#packet(sink));
    } catch (thrown) {
      throw thrown instanceof RangeError ? lostTrack('a packet that ends before its content') : thrown;
    }
    if (this.#stage !== NOTHING) this.#passage.end(sink);
  }

  // ------------------------------------------------------------ packets

  /** Reads one packet, or all rows that are there. False: more bytes are needed. */
  #packet(sink: ReplySink): boolean {
    const passage = this.#passage;
    const { chunk, at } = passage;
    if (chunk.length - at < HEADER) return passage.goBack(sink);
    if (passage.continued) {
      passage.goOn();
      return true;
    }
    const head = sink.head;
    if (head === undefined) return this.#unasked(sink);
    if (!(head instanceof Reply)) throw new TypeError('an expectation of another engine');
    const answer = head.answers[this.#reply.answer] as Answer;
    if (this.#stage === FIRST) this.#begin(head, answer);
    if (this.#stage === ROW) return this.#rows(head, answer, sink);
    const end = this.#wholeEnd();
    if (end < 0) return false;
    switch (this.#stage) {
      case COLUMN:
        passage.pass(end);
        this.#left--;
        if (this.#left === 0) this.#toRows(answer);
        return true;
      case PREPARED:
        return this.#definition(head, answer, end, sink);
      default:
        return this.#first(head, answer, end, sink);
    }
  }

  /** Where the packet ends that comes next; -1: it is not all there. */
  #wholeEnd(): number {
    const { chunk, at } = this.#passage;
    const length = lengthAt(chunk, at);
    if (length > DECODED_LIMIT) throw lostTrack(`a packet of ${length} bytes where none so long can be`);
    const end = at + HEADER + length;
    return end > chunk.length ? -1 : end;
  }

  // ------------------------------------------------------------ what begins an answer

  #begin(head: Reply, answer: Answer): void {
    this.#traits = head.traits;
    this.#passage.passes = answer.take === 'forward' && !this.#reply.dropped;
    if (answer.shape !== 'rows') return;
    this.#stage = ROW;
    if (answer.take === 'forward') this.#reply.rowCount = 0;
  }

  #first(head: Reply, answer: Answer, end: number, sink: ReplySink): boolean {
    const { chunk, at } = this.#passage;
    const type = chunk[at + HEADER];
    if (type === ERR) return this.#error(head, answer, end, sink);
    switch (answer.shape) {
      case 'line':
        this.#passage.pass(end);
        return this.#answered(head, answer, sink);
      case 'columns':
        if (type === END) return this.#done(head, answer, end, sink);
        this.#passage.pass(end);
        return true;
      case 'prepare':
        return this.#prepare(head, answer, end, sink);
      case 'result':
        if (type === LOCAL_FILE) return this.#localFile(head, answer, end, sink);
        if (type !== OK && type !== END) return this.#columnCount(answer, end);
    }
    if (type !== OK && type !== END) throw lostTrack(`a packet that begins with ${type} where OK was due`);
    return this.#done(head, answer, end, sink);
  }

  #columnCount(answer: Answer, end: number): boolean {
    const { chunk, at } = this.#passage;
    const count = Number(new PayloadReader(chunk, at + HEADER, end).lenenc() ?? 0);
    if (count === 0 || count > 65_535) throw lostTrack(`a result of ${count} columns`);
    this.#left = count;
    this.#stage = COLUMN;
    this.#passage.pass(end);
    if (answer.take === 'forward') this.#reply.rowCount = 0;
    return true;
  }

  #toRows(answer: Answer): void {
    this.#stage = ROW;
    this.#eofDue = answer.take === 'forward' && !this.#traits.deprecateEof;
  }

  /** "COM_STMT_PREPARE Response": the statement's number, then how many columns and parameters are described. */
  #prepare(head: Reply, answer: Answer, end: number, sink: ReplySink): boolean {
    const { chunk } = this.#passage;
    const at = this.#passage.at + HEADER;
    if (chunk[at] !== OK || end - at < 12) throw lostTrack('no answer to a PREPARE');
    const columns = chunk.readUInt16LE(at + 5);
    const parameters = chunk.readUInt16LE(at + 7);
    if (answer.take === 'forward') this.#reply.warnings = chunk.readUInt16LE(at + 10);
    answer.prepared?.(chunk.readUInt32LE(at + 1), parameters);
    if (answer.number !== undefined) chunk.writeUInt32LE(answer.number, at + 1);
    this.#passage.pass(end);
    this.#left = parameters > 0 ? parameters : columns;
    this.#behind = parameters > 0 ? columns : 0;
    if (this.#left === 0) return this.#answered(head, answer, sink);
    this.#stage = PREPARED;
    return true;
  }

  #definition(head: Reply, answer: Answer, end: number, sink: ReplySink): boolean {
    const passage = this.#passage;
    const sequence = passage.chunk[passage.at + 3] as number;
    passage.pass(end);
    this.#left--;
    if (this.#left > 0) return true;
    if (passage.passes && !this.#traits.deprecateEof) {
      passage.insertEof(sequence + 1, this.#flags & STANDING, sink);
    }
    this.#left = this.#behind;
    this.#behind = 0;
    return this.#left > 0 || this.#answered(head, answer, sink);
  }

  /** LOAD DATA LOCAL: the server asks for a file of the client's. */
  #localFile(head: Reply, answer: Answer, end: number, sink: ReplySink): boolean {
    const passage = this.#passage;
    const sequence = passage.chunk[passage.at + 3] as number;
    if (passage.passes && head.traits.localFiles) {
      passage.pass(end);
      passage.flush(sink);
      sink.copyIn();
      return true;
    }
    // An empty packet ends a file without content; what the server says of it is nobody's.
    this.#channel.write(packet((sequence + 1) & 255, EMPTY));
    const { code, state, message } = this.#noLocalFiles;
    this.#reply.failed(String(code), state, message);
    answer.failed?.(String(code));
    passage.insert(errPacket((sequence + passage.shift) & 255, this.#noLocalFiles), sink);
    passage.skip(end, sink);
    passage.drop();
    this.#reply.dropped = true;
    return true;
  }

  // ------------------------------------------------------------ rows

  /** All rows that are there, by their headers. */
  #rows(head: Reply, answer: Answer, sink: ReplySink): boolean {
    const passage = this.#passage;
    if (this.#eofDue && !this.#endColumns(sink)) return false;
    const captured = head.capture && answer.take === 'swallow';
    for (;;) {
      const { chunk, at } = passage;
      if (chunk.length - at <= HEADER) return false;
      const length = lengthAt(chunk, at);
      const type = chunk[at + HEADER] as number;
      // The first value of a row has no length that begins so, unless the packet is a full one.
      const ends = type === ERR || (type === END && length < FULL);
      if (length === 0) throw lostTrack('an empty row');
      if (ends || captured) {
        const end = this.#wholeEnd();
        if (end < 0) return false;
        if (type === ERR) return this.#error(head, answer, end, sink);
        if (ends) return this.#done(head, answer, end, sink);
        this.#reply.rows.push(textRow(chunk, at + HEADER, end));
      }
      if (answer.take === 'forward') this.#reply.rowCount++;
      passage.pass(at + HEADER + length);
      if (length !== FULL) continue;
      passage.continued = true;
      return true;
    }
  }

  /** Puts an EOF packet between columns and rows. Where a cursor was opened no rows follow: its end is enough. */
  #endColumns(sink: ReplySink): boolean {
    const { chunk, at } = this.#passage;
    if (chunk.length - at <= HEADER) return false;
    let flags = this.#flags & STANDING;
    if (chunk[at + HEADER] === END && lengthAt(chunk, at) < FULL) {
      const end = this.#wholeEnd();
      if (end < 0) return false;
      this.#ok.read(chunk, at + HEADER, end);
      flags = this.#ok.status;
    }
    this.#eofDue = false;
    const due = this.#passage.passes && (flags & STATUS_CURSOR) === 0;
    if (due) this.#passage.insertEof(chunk[at + 3] as number, flags, sink);
    return true;
  }

  // ------------------------------------------------------------ what ends an answer

  /** An OK packet, or what is sent in its place. */
  #done(head: Reply, answer: Answer, end: number, sink: ReplySink): boolean {
    const ok = this.#ok;
    const reply = this.#reply;
    const { chunk, at } = this.#passage;
    ok.read(chunk, at + HEADER, end);
    this.#flags = ok.status;
    reply.status = (ok.status & STATUS_IN_TRANSACTION) === 0 ? 'idle' : 'transaction';
    if (ok.stateAt < ok.stateEnd) {
      this.#tracked.begin(reply, head.settingsOnly || answer.settingsOnly === true);
      ok.report(this.#tracked);
      this.#tracked.end();
    }
    if (answer.take === 'forward') {
      reply.ok(ok);
      if (answer.shape === 'result' && (ok.status & STATUS_CURSOR) !== 0) reply.keep('cursor');
    }
    this.#passage.passOk(end, ok, this.#traits, sink);
    this.#stage = FIRST;
    if ((ok.status & STATUS_MORE_RESULTS) !== 0 && answer.shape === 'result') return true;
    return this.#answered(head, answer, sink);
  }

  #error(head: Reply, answer: Answer, end: number, sink: ReplySink): boolean {
    const reply = this.#reply;
    const passage = this.#passage;
    const refusal = refusalOf(passage.chunk.subarray(passage.at + HEADER, end));
    const code = String(refusal.code);
    if (refusal.readOnly) sink.aside({ kind: 'role-changed' });
    // What the client is told of it is decided when the connection has ended.
    if (refusal.fatal) return this.#ends(refusal, sink);
    if (answer.take === 'forward' || head.mode === 'swallow')
      reply.failed(code, refusal.state, refusal.message);
    answer.failed?.(code);
    // An ERR packet has no status. Without autocommit the server may have begun a transaction all the same.
    const open = (this.#flags & (STATUS_IN_TRANSACTION | STATUS_AUTOCOMMIT)) !== STATUS_AUTOCOMMIT;
    reply.status = open ? 'transaction' : 'idle';
    if (passage.passes && !reply.delivered && sink.refused(code)) {
      reply.dropped = true;
      passage.drop();
    }
    passage.pass(end);
    return this.#answered(head, answer, sink, true);
  }

  /** One answer has ended; with the last of them the reply. */
  #answered(head: Reply, answer: Answer, sink: ReplySink, failed = false): true {
    const reply = this.#reply;
    const passage = this.#passage;
    passage.flush(sink);
    passage.passes = false;
    passage.shift = 0;
    this.#stage = FIRST;
    this.#eofDue = false;
    reply.answer++;
    if (!failed) {
      reply.succeeded++;
      answer.succeeded?.();
    }
    if (reply.answer < head.answers.length) return true;
    if (head instanceof AdjustReply && reply.error !== '' && reply.succeeded > 0) reply.status = 'failed';
    const idles = answer.shape === 'prepare' || head.mode === 'swallow';
    sink.done(reply);
    reply.clear();
    // Where others share the link, their EXECUTEs may not have left yet.
    if (idles && sink.head === undefined) this.#close();
    return true;
  }

  #close(): void {
    const closing = this.#statements.takeClosing();
    if (closing !== undefined) this.#channel.write(closing);
  }

  /** A packet while no answer is owed: the server's last words. */
  #unasked(sink: ReplySink): boolean {
    const end = this.#wholeEnd();
    if (end < 0) return false;
    const { chunk, at } = this.#passage;
    const type = chunk[at + HEADER];
    if (type !== ERR) throw lostTrack(`a packet that begins with ${type} while no answer was due`);
    return this.#ends(refusalOf(chunk.subarray(at + HEADER, end)), sink);
  }

  /** The server ends the connection next; that it does so is not waited for. */
  #ends(refusal: Refusal, sink: ReplySink): false {
    this.#stage = NOTHING;
    sink.aside(terminating(refusal));
    this.#channel.destroy();
    return false;
  }
}

const EMPTY = Buffer.alloc(0);
