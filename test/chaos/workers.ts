import pg from 'pg';
import type { ConnectionFacts } from '../support/stage.ts';

/** A pause between two requests, so that some clients have nothing in flight when the primary dies. */
const PAUSE = 5;

interface Failure {
  readonly sentAt: number;
  readonly code: string;
  readonly message: string;
}

interface Answer {
  readonly sentAt: number;
  readonly at: number;
}

/** One client that repeats a request over one connection, and connects anew after an error. */
abstract class Worker {
  readonly #facts: ConnectionFacts;
  #client: pg.Client | undefined;
  #running = false;
  #loop: Promise<void> | undefined;

  constructor(facts: ConnectionFacts) {
    this.#facts = facts;
  }

  async start(): Promise<void> {
    this.#client = await this.#connect();
    this.#running = true;
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#loop;
    this.#loop = undefined;
    await this.#client?.end();
    this.#client = undefined;
  }

  protected abstract request(client: pg.Client): Promise<void>;
  protected abstract failed(sentAt: number, error: { code?: string; message: string }): void;

  async #run(): Promise<void> {
    while (this.#running) {
      const sentAt = performance.now();
      try {
        this.#client ??= await this.#connect();
        await this.request(this.#client);
      } catch (error) {
        this.failed(sentAt, error as Error);
        const broken = this.#client;
        this.#client = undefined;
        await broken?.end().catch(() => undefined);
      }
      await new Promise((resolve) => setTimeout(resolve, Math.random() * PAUSE));
    }
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client(this.#facts);
    // An error outside a query is reported by the next one.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }
}

/** Appends its own numbers, one row a request. */
export class Writer extends Worker {
  readonly id: number;
  readonly acknowledged: number[] = [];
  readonly answers: Answer[] = [];
  readonly failures: Failure[] = [];
  attempted = 0;

  constructor(id: number, facts: ConnectionFacts) {
    super(facts);
    this.id = id;
  }

  protected async request(client: pg.Client): Promise<void> {
    const n = this.attempted++;
    const sentAt = performance.now();
    await client.query(`INSERT INTO written VALUES (${this.id}, ${n})`);
    this.acknowledged.push(n);
    this.answers.push({ sentAt, at: performance.now() });
  }

  protected failed(sentAt: number, error: { code?: string; message: string }): void {
    this.failures.push({ sentAt, code: error.code ?? 'none', message: error.message });
  }
}

/** Reads a plain table. */
export class Reader extends Worker {
  reads = 0;
  readonly errors: string[] = [];

  protected async request(client: pg.Client): Promise<void> {
    await client.query('SELECT n FROM written WHERE writer = 1 AND n = 1');
    this.reads++;
  }

  protected failed(_sentAt: number, error: { code?: string; message: string }): void {
    this.errors.push(`${error.code ?? ''} ${error.message}`);
  }
}
