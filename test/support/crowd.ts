import assert from 'node:assert/strict';
import { codeIn, type Laned } from './laned.ts';
import { query, type WireClient } from './wire-recorder.ts';

/** Keys of table `kv`. */
const KEYS = 1_000;
/** Answers after which the statement gets another form: one that was slow once shares nothing for long. */
const ANEW = 200;
/** How a server or the proxy says that a connection is lost. */
const LOST = new Set(['08006', '57P01', '57P02', '57P03']);

/** Readers that never rest: each checks that every answer is its own. They connect again when they are told to. */
export class Crowd implements AsyncDisposable {
  readonly #laned: Laned;
  readonly #lives: Promise<void>[];
  #over = false;
  #answers = 0;
  /** Of each of them: right answers so far. */
  readonly #each: number[];
  /** Codes of the errors that they were told. */
  readonly errors: string[] = [];

  private constructor(laned: Laned, count: number) {
    this.#laned = laned;
    this.#each = Array.from({ length: count }, () => 0);
    this.#lives = Array.from({ length: count }, (_, at) => this.#live(at));
  }

  /** Resolves when they read. */
  static async gather(laned: Laned, count: number): Promise<Crowd> {
    const crowd = new Crowd(laned, count);
    await crowd.turn();
    return crowd;
  }

  /** Resolves when each of them has had two more right answers; rejects when one was told a wrong one. */
  async turn(): Promise<void> {
    const before = [...this.#each];
    const waits = (): boolean => this.#each.some((count, at) => count < (before[at] ?? 0) + 2);
    const enough = async (): Promise<void> => {
      while (waits() && !this.#over) await new Promise((resolve) => setImmediate(resolve));
    };
    await Promise.race([enough(), Promise.all(this.#lives)]);
  }

  /** Ends their lives; rejects if one of them was told a wrong answer. */
  async leave(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#lives);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }

  async #live(at: number): Promise<void> {
    let client: WireClient | undefined;
    for (let key = at; !this.#over; key = (key + 37) % KEYS) {
      try {
        client ??= await this.#laned.enter();
      } catch (error) {
        this.#lost(/C:(\w+)/.exec(String(error))?.[1] ?? String(error));
        continue;
      }
      if (await this.#read(client, key + 1, at)) client.told = [];
      else client = undefined;
    }
    await client?.close();
  }

  /** False: the connection is lost. */
  async #read(client: WireClient, key: number, at: number): Promise<boolean> {
    client.send(query(`SELECT v AS read_${Math.floor(this.#answers / ANEW)} FROM kv WHERE k = ${key}`));
    const rows: string[] = [];
    for (;;) {
      const told = await client.next().catch(() => undefined);
      if (told === undefined) return false;
      if (told.type === 'D') rows.push(told.body.toString('utf8', 6));
      if (told.type === 'E') this.#lost(codeIn(told.body));
      if (told.type === 'E') rows.push('error');
      if (told.type === 'Z') break;
    }
    if (rows.at(-1) === 'error') return true;
    assert.deepEqual(rows, [`v${key}`]);
    this.#answers++;
    this.#each[at] = (this.#each[at] ?? 0) + 1;
    return true;
  }

  #lost(code: string): void {
    assert.ok(LOST.has(code), `told ${code}`);
    this.errors.push(code);
  }
}
