import { message, parameterStatus, readyForQuery } from '../../../src/postgres/messages.ts';
import { MemoryChannel, messagesOf } from '../../support/memory-channel.ts';

type Message = ReturnType<typeof messagesOf>[number];

/** What one ReadyForQuery answers. */
interface Asked {
  readonly text: string;
  readonly messages: readonly Message[];
}

export interface Telling {
  /** Instead of the text. */
  readonly row?: string;
  /** Instead of a row: an error with this code. */
  readonly error?: string;
  /** A parameter that has changed meanwhile. */
  readonly parameter?: readonly [name: string, value: string];
  /** The row, and not the end of the answer. */
  readonly begins?: true;
}

const word = (body: Buffer, from = 0): string => body.toString('latin1', from, body.indexOf(0, from));

const row = (value: string): Buffer => {
  const head = Buffer.alloc(6);
  head.writeUInt16BE(1, 0);
  head.writeInt32BE(Buffer.byteLength(value), 2);
  return message('D', head, value);
};
const rows = message('T', Buffer.alloc(2));
const complete = message('C', 'SELECT 1\0');

/** A server connection of which a test is the server: says what was asked, and answers the oldest when told to. */
export class Line extends MemoryChannel {
  /** Of which server; '' if it does not matter. */
  readonly node: string;
  readonly #asked: Asked[] = [];
  readonly #statements = new Map<string, string>();
  #answered = 0;
  #rest: Buffer = Buffer.alloc(0);
  #batch: Message[] = [];

  constructor(node = '') {
    super();
    this.node = node;
  }

  override write(bytes: Uint8Array): boolean {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    let at = 0;
    while (this.#rest.length - at >= 5) {
      const end = at + 1 + this.#rest.readUInt32BE(at + 1);
      if (end > this.#rest.length) break;
      this.#take(this.#rest.subarray(at, end));
      at = end;
    }
    this.#rest = this.#rest.subarray(at);
    setImmediate(() => this.#answerOwn());
    return super.write(bytes);
  }

  #take(bytes: Buffer): void {
    const [one] = messagesOf(bytes);
    if (one === undefined) return;
    this.#batch.push(one);
    if (one.type !== 'Q' && one.type !== 'S') return;
    const text = one.type === 'Q' ? word(one.body) : this.#batch.map(({ type }) => type).join('');
    this.#asked.push({ text, messages: this.#batch });
    this.#batch = [];
  }

  /** What was asked and is not answered, the oldest first. */
  get open(): readonly string[] {
    return this.#asked.slice(this.#answered).map(({ text }) => text);
  }

  /** All that was ever asked. */
  get asked(): readonly string[] {
    return this.#asked.map(({ text }) => text);
  }

  /** Answers the oldest: its own text as the one row. */
  answer(telling: Telling = {}): void {
    const asked = this.#asked[this.#answered];
    if (asked === undefined) throw new Error('nothing was asked');
    const told = this.#toldOf(asked, telling);
    if (telling.begins !== true) this.#answered++;
    this.push(told);
    setImmediate(() => this.#answerOwn());
  }

  /** Begins to answer the oldest with an error; `settles` ends it. */
  refuses(code: string): void {
    this.push(refusal(code));
  }

  settles(): void {
    this.#answered++;
    this.push(readyForQuery('idle'));
  }

  /** Another of the server's processes has died: it says so and ends all of them. */
  crashes(): void {
    this.push(message('N', 'SWARNING\0VWARNING\0C57P02\0Mterminating connection\0\0'));
    this.hangUp();
  }

  /** Its session is ended in good order. */
  ends(): void {
    this.push(message('E', 'SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0'));
    this.hangUp();
  }

  answerAll(): void {
    while (this.open.length > 0) this.answer();
  }

  /** What the proxy asks by itself (settings, pings, audits) is answered at once when it is due. */
  #answerOwn(): void {
    for (let next = this.open[0]; next !== undefined; next = this.open[0]) {
      if (next === '' || /^(SELECT pg_catalog\.set_config|RESET|DISCARD|ROLLBACK)\b/.test(next))
        this.answer();
      else break;
    }
  }

  #toldOf({ messages }: Asked, { row: given, error, parameter, begins }: Telling): Buffer {
    if (begins === true) return Buffer.concat([rows, row(given ?? 'begun')]);
    const parts: Buffer[] = [];
    for (const one of messages) {
      if (one.type === 'S') break;
      const part = error === undefined ? this.#carriedOut(one, given) : refusal(error);
      parts.push(part);
      if (part[0] === 0x45) break;
    }
    if (parameter !== undefined) parts.push(parameterStatus(...parameter));
    return Buffer.concat([...parts, readyForQuery('idle')]);
  }

  #bound = '';

  #carriedOut({ type, body }: Message, given: string | undefined): Buffer {
    switch (type) {
      case 'Q': {
        const text = word(body);
        if (text === '') return message('I');
        return Buffer.concat([rows, row(given ?? text), complete]);
      }
      case 'P': {
        const name = word(body);
        if (name !== '' && this.#statements.has(name)) return refusal('42P05');
        this.#statements.set(name, word(body, name.length + 1));
        return message('1');
      }
      case 'B': {
        const name = word(body, body.indexOf(0) + 1);
        const text = this.#statements.get(name);
        if (text === undefined) return refusal('26000');
        this.#bound = text;
        return message('2');
      }
      case 'D':
        return rows;
      case 'E':
        return Buffer.concat([row(given ?? this.#bound), complete]);
      case 'C':
        if (body[0] === 0x53) this.#statements.delete(word(body, 1));
        return message('3');
      default:
        throw new Error(`a ${type} that this server does not know`);
    }
  }
}

const refusal = (code: string): Buffer => message('E', `SERROR\0VERROR\0C${code}\0Mit failed\0\0`);
