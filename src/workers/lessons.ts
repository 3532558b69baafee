import { createHash } from 'node:crypto';
import { serialize } from 'node:v8';
import type { Catalogue } from '../core/catalogue.ts';
import type { ClusterDown } from './messages.ts';

interface Lesson {
  edition: number;
  packed: unknown;
  print: string;
  /** What the workers know may be out of date. */
  doubted: boolean;
}

export interface LessonsOptions {
  /** A catalogue as plain data. */
  pack(catalogue: Catalogue): unknown;
  send(slot: number, message: ClusterDown): void;
}

interface Pupil {
  /** The edition it has. */
  edition: number;
  doubts: number;
}

/** Hands catalogues on to the workers that need them; one that has not changed is not sent again. */
export class Lessons {
  readonly #options: LessonsOptions;
  readonly #lessons = new Map<string, Lesson>();
  readonly #pupils = new Map<number, Map<string, Pupil>>();

  constructor(options: LessonsOptions) {
    this.#options = options;
  }

  /** `known`: what may be told at once. */
  need(slot: number, database: string, known: Catalogue | undefined): void {
    const pupils = this.#pupils.get(slot) ?? new Map<string, Pupil>();
    this.#pupils.set(slot, pupils);
    pupils.set(database, { edition: 0, doubts: 0 });
    const lesson = this.#lessons.get(database);
    if (known !== undefined && lesson !== undefined && !lesson.doubted) this.#teach(slot, database, lesson);
  }

  /** So many changes of the schema have been seen by a worker; what it is taught from now on is newer. */
  stale(slot: number, database: string, doubts: number): void {
    const pupil = this.#pupils.get(slot)?.get(database);
    if (pupil !== undefined) pupil.doubts = doubts;
  }

  learn(database: string, catalogue: Catalogue): void {
    const packed = this.#options.pack(catalogue);
    const print = printOf(packed);
    const before = this.#lessons.get(database);
    const lesson =
      before?.print === print
        ? { ...before, doubted: false }
        : { edition: (before?.edition ?? 0) + 1, packed, print, doubted: false };
    this.#lessons.set(database, lesson);
    for (const [slot, pupils] of this.#pupils) {
      const pupil = pupils.get(database);
      if (pupil === undefined) continue;
      if (pupil.edition !== lesson.edition || before?.doubted === true) this.#teach(slot, database, lesson);
    }
  }

  doubt(database: string): void {
    const lesson = this.#lessons.get(database);
    if (lesson !== undefined) lesson.doubted = true;
    for (const [slot, pupils] of this.#pupils) {
      if (pupils.has(database)) this.#options.send(slot, { kind: 'doubt', database });
    }
  }

  ended(slot: number): void {
    this.#pupils.delete(slot);
  }

  #teach(slot: number, database: string, { edition, packed }: Lesson): void {
    const pupil = this.#pupils.get(slot)?.get(database);
    if (pupil === undefined) return;
    const { doubts } = pupil;
    const known = pupil.edition === edition;
    pupil.edition = edition;
    this.#options.send(slot, {
      kind: 'catalogue',
      database,
      edition,
      packed: known ? undefined : packed,
      doubts,
    });
  }
}

/** The same for the same content in the same order. */
function printOf(packed: unknown): string {
  return createHash('sha256').update(serialize(packed)).digest('base64');
}
