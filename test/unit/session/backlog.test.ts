import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Catalogue } from '../../../src/core/catalogue.ts';
import type { ProxyError } from '../../../src/core/errors.ts';
import type { Intent } from '../../../src/core/intent.ts';
import { plainIntent } from '../../../src/core/plain-intent.ts';
import { noSettings } from '../../../src/core/settings.ts';
import { FORWARD, type Unit } from '../../../src/core/wire.ts';
import type { Request } from '../../../src/pool/link.ts';
import {
  Backlog,
  type BacklogFacts,
  type Finder,
  type Taker,
  UNTAKEN_BYTES,
} from '../../../src/session/backlog.ts';

const READ = plainIntent('read', 'test', '');

/** A client whose units are single letters, `!` breaks its protocol; takes them, too, unless they have to wait. */
class Client implements Finder, BacklogFacts, Taker {
  readonly settings = noSettings;
  readonly greeting = { parameters: new Map<string, string>() };
  readonly functions = { allow: new Set<string>(), deny: new Set<string>() };
  readonly inTransaction = false;
  readonly login = {
    channel: {
      unsent: 0,
      closed: false,
      pause: () => void this.reads.push(false),
      resume: () => void this.reads.push(true),
    },
  };
  readonly account = { doubted: false };
  catalogue: Catalogue | undefined;
  /** Bytes that lie behind the units. */
  buffered = 0;
  /** Whether the client was read, whenever that changed. */
  readonly reads: boolean[] = [];
  readonly taken: Request[] = [];
  readonly died: string[] = [];
  /** Units that have to wait. */
  waits = '';
  readonly backlog = new Backlog(this, this, this);
  #bytes = '';

  sends(bytes: string): void {
    this.backlog.push(Buffer.from(bytes));
  }

  push(chunk: Buffer): void {
    if (chunk.includes('!')) throw new Error('not understood');
    this.#bytes += chunk.toString();
  }

  next(): Unit | undefined {
    const [letter] = this.#bytes;
    this.#bytes = this.#bytes.slice(1);
    if (letter === undefined) return undefined;
    return { bytes: Buffer.from(letter), expect: FORWARD, extent: 'whole' };
  }

  classify(): Intent {
    return READ;
  }

  take(request: Request): boolean {
    if (this.waits.includes(request.unit.bytes.toString())) return false;
    this.taken.push(request);
    return true;
  }

  die(error: ProxyError): void {
    this.died.push(error.code);
    this.backlog.close();
  }

  /** The letters that were taken since the last call. */
  get went(): string {
    return this.taken.splice(0).map(letterOf).join('');
  }
}

const letterOf = ({ unit }: Request): string => unit.bytes.toString();

describe('a backlog', () => {
  test('units are taken in order, and none behind one that waits', () => {
    const client = new Client();
    client.waits = 'c';
    client.sends('abcde');
    assert.equal(client.went, 'ab');
    client.sends('f');
    assert.equal(client.went, '');
    client.waits = '';
    client.backlog.advance();
    assert.equal(client.went, 'cdef');
  });

  test('nothing is taken while something stands in the way', () => {
    const client = new Client();
    for (const phase of ['waiting', 'preparing', 'settling'] as const) {
      client.backlog.block(phase);
      client.sends('a');
      assert.equal(client.went, '');
      client.backlog.resume();
      assert.equal(client.went, 'a');
    }
  });

  test('what comes back is taken before what waits, whoever came back before', () => {
    const client = new Client();
    client.sends('abc');
    const [a, b, c] = client.taken.splice(0);
    assert.ok(a && b && c);
    client.waits = 'ad';
    client.sends('def');
    client.backlog.putBack([c]);
    client.backlog.putBack([a, b]);
    assert.equal(client.backlog.oldest && letterOf(client.backlog.oldest), 'a');
    client.backlog.resume();
    assert.equal(client.went, '');
    client.waits = '';
    client.backlog.resume();
    assert.equal(client.went, 'abcdef');
  });

  test('nothing is taken for a client that leaves too much untaken, until it has taken it, or is gone', () => {
    const client = new Client();
    const { channel } = client.login;
    channel.unsent = UNTAKEN_BYTES + 1;
    client.buffered = 65_537;
    client.sends('ab');
    assert.deepEqual([client.went, client.reads], ['', [false]]);
    channel.unsent = UNTAKEN_BYTES;
    client.buffered = 0;
    client.backlog.advance();
    assert.deepEqual([client.went, client.reads], ['ab', [false, true]]);
    channel.unsent = UNTAKEN_BYTES + 1;
    client.sends('c');
    assert.equal(client.went, '');
    channel.closed = true;
    client.backlog.advance();
    assert.equal(client.went, 'c');
  });

  test('the oldest unit may be answered without being taken, and the next one follows', () => {
    const client = new Client();
    client.waits = 'a';
    client.sends('ab');
    client.backlog.drop();
    client.backlog.advance();
    assert.equal(client.went, 'b');
  });

  test('a unit is outdated when names have changed since it was judged, or nobody knows what they mean', () => {
    const client = new Client();
    client.waits = 'a';
    client.sends('a');
    assert.equal(client.backlog.isOutdated, false);
    client.account.doubted = true;
    assert.equal(client.backlog.isOutdated, true);
    client.account.doubted = false;
    client.catalogue = {} as Catalogue;
    assert.equal(client.backlog.isOutdated, true);
    client.waits = '';
    client.sends('b');
    assert.equal(client.backlog.isOutdated, false);
  });

  test('a client that sends much behind a unit that waits is not read until that unit is taken', () => {
    const client = new Client();
    client.waits = 'a';
    client.sends('a');
    assert.deepEqual(client.reads, []);
    client.buffered = 65_537;
    client.sends('b');
    assert.deepEqual(client.reads, [false]);
    client.backlog.linkDrained();
    assert.deepEqual(client.reads, [false], 'the server is not what it waits for');
    client.waits = '';
    client.backlog.resume();
    assert.deepEqual(client.reads, [false, true]);
  });

  test('a client that sends more than its server takes is not read until that has drained', () => {
    const client = new Client();
    client.backlog.linkFull();
    client.backlog.linkDrained();
    assert.deepEqual(client.reads, [false, true]);
  });

  test('a client that is not read for both reasons is read again when neither is left', () => {
    for (const serverFirst of [true, false]) {
      const client = new Client();
      client.waits = 'a';
      client.sends('a');
      client.buffered = 65_537;
      client.sends('b');
      client.backlog.linkFull();
      const taken = (): void => {
        client.waits = '';
        client.backlog.resume();
      };
      const [first, then] = serverFirst
        ? [() => client.backlog.linkDrained(), taken]
        : [taken, () => client.backlog.linkDrained()];
      first();
      assert.equal(client.reads.at(-1), false);
      then();
      assert.equal(client.reads.at(-1), true);
    }
  });

  test('a session that is over takes nothing', () => {
    const client = new Client();
    client.waits = 'a';
    client.sends('a');
    client.backlog.close();
    assert.equal(client.backlog.oldest, undefined);
    client.sends('b');
    client.backlog.resume();
    assert.equal(client.backlog.phase, 'closed');
    assert.equal(client.went, '');
  });

  test('what cannot be followed ends the session', () => {
    const client = new Client();
    client.sends('a!');
    assert.deepEqual(client.died, ['PROTOCOL']);
    assert.equal(client.went, '');
  });
});
