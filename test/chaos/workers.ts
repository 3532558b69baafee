import { type Client, type Meaning, Refusal } from '../engine/adapter.ts';

/** A pause between two requests, so that some clients have nothing in flight when the primary dies. */
const PAUSE = 5;

interface Failure {
  readonly sentAt: number;
  readonly meaning: Meaning;
  readonly message: string;
}

interface Answer {
  readonly sentAt: number;
  readonly at: number;
}

/** One client that repeats a request over one connection, and connects anew after an error. */
abstract class Worker {
  readonly #open: () => Promise<Client>;
  #client: Client | undefined;
  #running = false;
  #loop: Promise<void> | undefined;

  constructor(open: () => Promise<Client>) {
    this.#open = open;
  }

  async start(): Promise<void> {
    this.#client = await this.#open();
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

  protected abstract request(client: Client): Promise<void>;
  protected abstract failed(sentAt: number, error: unknown): void;

  async #run(): Promise<void> {
    while (this.#running) {
      const sentAt = performance.now();
      try {
        this.#client ??= await this.#open();
        await this.request(this.#client);
      } catch (error) {
        this.failed(sentAt, error);
        const broken = this.#client;
        this.#client = undefined;
        await broken?.end();
      }
      await new Promise((resolve) => setTimeout(resolve, Math.random() * PAUSE));
    }
  }
}

/** Appends its own numbers to the table `written`, one row a request. */
export class Writer extends Worker {
  readonly id: number;
  readonly acknowledged: number[] = [];
  readonly answers: Answer[] = [];
  readonly failures: Failure[] = [];
  attempted = 0;

  constructor(id: number, open: () => Promise<Client>) {
    super(open);
    this.id = id;
  }

  protected async request(client: Client): Promise<void> {
    const n = this.attempted++;
    const sentAt = performance.now();
    await client.query(`INSERT INTO written VALUES (${this.id}, ${n})`);
    this.acknowledged.push(n);
    this.answers.push({ sentAt, at: performance.now() });
  }

  protected failed(sentAt: number, error: unknown): void {
    const meaning = error instanceof Refusal ? error.meaning : 'other';
    this.failures.push({ sentAt, meaning, message: worded(error) });
  }
}

/** Reads a plain table. */
export class Reader extends Worker {
  readonly #text: string;
  reads = 0;
  readonly errors: string[] = [];

  constructor(open: () => Promise<Client>, text = 'SELECT n FROM written WHERE writer = 1 AND n = 1') {
    super(open);
    this.#text = text;
  }

  protected async request(client: Client): Promise<void> {
    await client.query(this.#text);
    this.reads++;
  }

  protected failed(_sentAt: number, error: unknown): void {
    this.errors.push(worded(error));
  }
}

const worded = (error: unknown): string =>
  error instanceof Refusal ? `${error.meaning}: ${error.code} ${error.message}` : String(error);
