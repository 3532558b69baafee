import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { asProxyError, ProxyError } from '../core/errors.ts';
import type { JournalEntry, Recorded } from './record.ts';

/** Where decisions are on record before they are acted upon (I10). A few hundred bytes a failover. */
export interface Journal {
  /** What was on record when it was opened, oldest first. */
  readonly records: readonly Recorded[];
  /** Resolves when the entry is durable; rejects with a ProxyError. Entries keep their order. */
  append(entry: JournalEntry): Promise<void>;
  close(): Promise<void>;
}

/** A journal that a restart forgets; the order of nodes is then derived from the servers. */
export function memoryJournal(records: readonly Recorded[] = []): Journal {
  return { records, append: () => Promise.resolve(), close: () => Promise.resolve() };
}

export interface JournalOptions {
  /** Made if missing. */
  readonly folder: string;
  /** One file a cluster. */
  readonly cluster: string;
  /** Wall time in ms: ages must outlive the process. */
  readonly wallNow: () => number;
}

/**
 * Opens `FOLDER/CLUSTER.failover.jsonl`: a JSON object a line, written and fsynced one by one. A line that a
 * crash left unfinished at the end is cut off; any other unreadable line is an error: ProxyError('CONFIG').
 */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const path = join(options.folder, `${encodeURIComponent(options.cluster)}.failover.jsonl`);
  try {
    await mkdir(options.folder, { recursive: true });
    const file = await open(path, 'a+', 0o600);
    try {
      const records = await recordsOf(file, path, options.wallNow());
      await syncFolder(options.folder);
      return new FileJournal(file, path, options.wallNow, records);
    } catch (error) {
      await file.close();
      throw error;
    }
  } catch (error) {
    throw named(error, `the failover journal ${path} cannot be opened`);
  }
}

async function recordsOf(file: FileHandle, path: string, now: number): Promise<Recorded[]> {
  const bytes = await file.readFile();
  const end = bytes.lastIndexOf(0x0a) + 1;
  if (end < bytes.length) await file.truncate(end);
  const lines = bytes.subarray(0, end).toString('utf8').split('\n').slice(0, -1);
  return lines.map((line, index) => {
    const record = parse(line);
    if (record !== undefined) return { entry: record.entry, ageMs: Math.max(0, now - record.wall) };
    const tell = `line ${index + 1} of the failover journal ${path} is not readable: mend or move the file away`;
    throw new ProxyError('CONFIG', { side: 'proxy', retry: 'no', tell });
  });
}

interface Line {
  readonly wall: number;
  readonly entry: JournalEntry;
}

const KINDS: readonly unknown[] = [
  'primary',
  'decided',
  'outcast',
  'released',
] satisfies JournalEntry['kind'][];

function parse(line: string): Line | undefined {
  try {
    const value: Partial<Line> | null = JSON.parse(line);
    if (value === null || typeof value.wall !== 'number') return undefined;
    const { wall, entry } = value;
    if (entry === undefined || !KINDS.includes(entry.kind)) return undefined;
    if (typeof entry.node !== 'string' || typeof entry.epoch !== 'number') return undefined;
    return { wall, entry };
  } catch {
    return undefined;
  }
}

/** The new file's name must be as durable as its lines. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function named(error: unknown, what: string): ProxyError {
  if (error instanceof ProxyError) return error;
  const { message } = asProxyError(error, 'CONFIG', 'proxy');
  return new ProxyError('CONFIG', { side: 'proxy', retry: 'no', tell: `${what}: ${message}`, cause: error });
}

/** Owns the file. */
class FileJournal implements Journal {
  readonly records: readonly Recorded[];
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #wallNow: () => number;
  /** The length of what is whole: a failed write is cut off before the next. */
  #whole: number | undefined;
  #tail: Promise<void> = Promise.resolve();

  constructor(file: FileHandle, path: string, wallNow: () => number, records: readonly Recorded[]) {
    this.#file = file;
    this.#path = path;
    this.#wallNow = wallNow;
    this.records = records;
  }

  append(entry: JournalEntry): Promise<void> {
    const line = Buffer.from(`${JSON.stringify({ wall: this.#wallNow(), entry } satisfies Line)}\n`);
    const written = this.#tail.then(() => this.#write(line));
    this.#tail = written.catch(() => undefined);
    return written;
  }

  async close(): Promise<void> {
    await this.#tail;
    await this.#file.close();
  }

  async #write(line: Buffer): Promise<void> {
    try {
      this.#whole ??= (await this.#file.stat()).size;
      await this.#file.truncate(this.#whole);
      await this.#file.appendFile(line);
      await this.#file.sync();
      this.#whole += line.length;
    } catch (error) {
      throw named(error, `the failover journal ${this.#path} cannot be written`);
    }
  }
}
