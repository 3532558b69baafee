import { COM_STMT_CLOSE } from './commands.ts';
import { command, uint32 } from './messages.ts';

/** Statements kept on one server connection before the least recently used are closed. */
const KEPT_PER_LINK = 250;

/** A statement as one server connection knows it. */
export interface LinkStatement {
  /** The server's number for it. */
  readonly id: number;
}

/** Which prepared statements one server connection knows, by what all who prepare the same have in common. */
export class LinkStatements {
  readonly #most: number;
  /** In the order of their last use. */
  readonly #known = new Map<string, LinkStatement>();
  #closing: Buffer[] = [];
  /** How often the server has forgotten all of them, with everything else that its session was. */
  resets = 0;

  constructor(most = KEPT_PER_LINK) {
    this.#most = most;
  }

  get size(): number {
    return this.#known.size;
  }

  /** It counts as used now. */
  get(key: string): LinkStatement | undefined {
    const known = this.#known.get(key);
    if (known === undefined) return undefined;
    this.#known.delete(key);
    this.#known.set(key, known);
    return known;
  }

  /** The server has prepared it under this number. */
  set(key: string, id: number): void {
    this.forget(key);
    this.#known.set(key, { id });
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= this.#most) break;
      this.forget(oldest);
    }
  }

  /** Of several sessions that share the link more than one may have prepared it: the first one counts. */
  add(key: string, id: number): void {
    if (this.#known.has(key)) this.close(id);
    else this.set(key, id);
  }

  /** It goes by another name from now on, which is not taken. */
  adopt(key: string, name: string): LinkStatement | undefined {
    const known = this.#known.get(key);
    if (known === undefined) return undefined;
    this.#known.delete(key);
    this.#known.set(name, known);
    return known;
  }

  /** The server is to close it. */
  forget(key: string): void {
    const known = this.#known.get(key);
    if (known === undefined) return;
    this.#known.delete(key);
    this.close(known.id);
  }

  /** The server is to close what it has under this number, and nobody here. */
  close(id: number): void {
    this.#closing.push(command(COM_STMT_CLOSE, uint32(id)));
  }

  /** The COM_STMT_CLOSE of all that were forgotten, to be sent before anything else; they have no answer. */
  takeClosing(): Buffer | undefined {
    if (this.#closing.length === 0) return undefined;
    const bytes = Buffer.concat(this.#closing);
    this.#closing = [];
    return bytes;
  }

  /** The server has forgotten all of them (COM_RESET_CONNECTION). */
  clear(): void {
    this.resets++;
    this.#known.clear();
    this.#closing = [];
  }
}
