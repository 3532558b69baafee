import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeId, type ProbeFailure, type Seen } from '../../../src/core/node.ts';
import { position } from '../../../src/core/position.ts';
import type { Target } from '../../../src/core/wire.ts';
import { type KeptConnection, NodeObserver } from '../../../src/net/node-observer.ts';

const target: Target = {
  node: nodeId('one'),
  endpoint: { host: '127.0.0.1', port: 1 },
  user: 'u',
  password: 'p',
  database: '',
  options: '',
  tls: undefined,
};

const seen: Seen = {
  kind: 'seen',
  node: target.node,
  askedAt: 0,
  at: 0,
  role: 'primary',
  identity: 'x',
  branch: '',
  position: position('1'),
  received: position('1'),
  receiving: undefined,
  sync: { needed: 0, listed: 0 },
  version: '1',
  otherProxies: [],
};

interface Kept extends KeptConnection {
  readonly number: number;
}

/** Says what it does. */
class Scripted extends NodeObserver<Kept> {
  readonly done: string[] = [];
  /** How the next questions fail, in order; `ok` does not. */
  answers: (ProbeFailure | 'ok')[] = [];
  broken = false;
  #opened = 0;
  #asking = 0;

  protected failure(error: unknown): { failure: ProbeFailure; message: string } {
    const failure = error instanceof Error ? (error.message as ProbeFailure) : 'other';
    return { failure, message: failure };
  }

  protected mayBeStale(failure: ProbeFailure): boolean {
    return failure === 'reset';
  }

  protected open(to: Target): Promise<Kept> {
    const number = ++this.#opened;
    this.done.push(`open ${number}`);
    const say = (what: string): void => void this.done.push(`${what} ${number}`);
    const isBroken = (): boolean => this.broken && number === 1;
    const connection = {
      get broken() {
        return isBroken();
      },
      destroy: () => say('destroy'),
      close: () => Promise.resolve(say('close')),
    };
    return Promise.resolve({ number, target: to, connection });
  }

  protected async ask({ number }: Kept): Promise<Seen> {
    assert.equal(++this.#asking, 1, 'one question at a time');
    await Promise.resolve();
    this.#asking--;
    const answer = this.answers.shift() ?? 'ok';
    this.done.push(`ask ${number}`);
    if (answer !== 'ok') throw new Error(answer);
    return seen;
  }
}

const observer = (): Scripted =>
  new Scripted({ clock: { now: () => 7 }, timeoutMs: 10_000 }, new AbortController().signal);

test('a connection that answers is kept, and closed at the end', async () => {
  const one = observer();
  assert.equal((await one.observe(target)).kind, 'seen');
  assert.equal((await one.observe(target)).kind, 'seen');
  await one.close();
  assert.deepEqual(one.done, ['open 1', 'ask 1', 'ask 1', 'close 1']);
});

test('a connection that was ended meanwhile is no loss: the same observation asks again', async () => {
  const one = observer();
  one.answers = ['ok', 'reset', 'ok'];
  await one.observe(target);
  assert.equal((await one.observe(target)).kind, 'seen');
  assert.deepEqual(one.done, ['open 1', 'ask 1', 'ask 1', 'destroy 1', 'open 2', 'ask 2']);
});

test('a fresh connection is believed: what goes wrong there is the observation', async () => {
  const one = observer();
  one.answers = ['ok', 'reset', 'refused'];
  await one.observe(target);
  const { kind, ...said } = await one.observe(target);
  assert.equal(kind, 'unseen');
  assert.deepEqual(said, { node: target.node, askedAt: 7, at: 7, failure: 'refused', message: 'refused' });
  assert.equal(one.done.at(-1), 'destroy 2');
});

test('a question that took too long is not asked again', async () => {
  const one = observer();
  one.answers = ['ok', 'timeout'];
  await one.observe(target);
  const late = await one.observe(target);
  assert.equal(late.kind === 'unseen' && late.failure, 'timeout');
  assert.deepEqual(one.done, ['open 1', 'ask 1', 'ask 1', 'destroy 1']);
});

test('a broken connection, and one to somewhere else, are replaced before anything is asked', async () => {
  const one = observer();
  await one.observe(target);
  one.broken = true;
  await one.observe(target);
  await one.observe({ ...target, password: 'another' });
  assert.deepEqual(one.done, [
    'open 1',
    'ask 1',
    'destroy 1',
    'open 2',
    'ask 2',
    'destroy 2',
    'open 3',
    'ask 3',
  ]);
});

test('questions follow one another', async () => {
  const one = observer();
  const kinds = await Promise.all([one.observe(target), one.observe(target), one.observe(target)]);
  assert.deepEqual(
    kinds.map(({ kind }) => kind),
    ['seen', 'seen', 'seen'],
  );
});
