import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import type { Clock } from '../../../src/core/clock.ts';
import type { Event } from '../../../src/core/events.ts';
import { nodeId } from '../../../src/core/node.ts';
import { emptyView } from '../../../src/core/view.ts';
import { type Log, startLog } from '../../../src/log/log.ts';
import { everyEvent } from '../events.ts';

class ManualClock implements Clock {
  #now = 0;
  #timers = new Set<{ at: number; call: () => void }>();

  now(): number {
    return this.#now;
  }

  after(ms: number, call: () => void): { cancel(): void } {
    const timer = { at: this.#now + ms, call };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  pass(ms: number): void {
    this.#now += ms;
    for (const timer of [...this.#timers]) {
      if (timer.at > this.#now) continue;
      this.#timers.delete(timer);
      timer.call();
    }
  }

  get waiting(): number {
    return this.#timers.size;
  }
}

type Line = Record<string, unknown>;

function record(level = 'trace'): { log: Log; lines: Line[]; clock: ManualClock } {
  const lines: Line[] = [];
  const clock = new ManualClock();
  const log = startLog({
    level,
    clock,
    destination: { write: (text: string) => void lines.push(JSON.parse(text)) },
  });
  return { log, lines, clock };
}

const refused = (n: number, code = 'BAD_STARTUP'): Event => ({
  kind: 'client-refused',
  code,
  reason: `try ${n}`,
  address: '10.0.0.9',
});

describe('every event is one line with a stable name', () => {
  const names: Record<Event['kind'], [string, string]> = {
    'client-connected': ['debug', 'client.connected'],
    'client-closed': ['debug', 'client.closed'],
    'client-refused': ['warn', 'client.refused'],
    'client-error': ['warn', 'client.error'],
    pinned: ['debug', 'session.pinned'],
    'link-opened': ['debug', 'link.opened'],
    'link-closed': ['debug', 'link.closed'],
    'link-failed': ['warn', 'link.failed'],
    retried: ['info', 'unit.retried'],
    held: ['info', 'unit.held'],
    released: ['debug', 'unit.released'],
    probed: ['trace', 'node.seen'],
    'view-changed': ['info', 'view.changed'],
    failover: ['info', 'failover.promoting'],
    alarm: ['error', 'alarm'],
  };
  for (const event of Object.values(everyEvent)) {
    const [level, name] = names[event.kind];
    test(`${event.kind} is ${name} at ${level}`, () => {
      const { log, lines } = record();
      log.emitFor('main')(event);
      assert.equal(lines.length, 1);
      assert.equal(lines[0]?.['event'], name);
      assert.equal(lines[0]?.['level'], level);
      assert.equal(lines[0]?.['cluster'], 'main');
      assert.equal(typeof lines[0]?.['msg'], 'string');
    });
  }

  test('a probe that got no answer is node.unseen at debug, with the failure', () => {
    const { log, lines } = record();
    const unseen = { kind: 'unseen', node: nodeId('pg-1'), askedAt: 1, at: 3, failure: 'refused' } as const;
    log.emitFor('main')({ kind: 'probed', observation: { ...unseen, message: 'nobody' } });
    assert.equal(lines[0]?.['event'], 'node.unseen');
    assert.equal(lines[0]?.['failure'], 'refused');
    assert.equal(lines[0]?.['ms'], 2);
  });
});

test('at level info nothing is said of single clients and links that come and go', () => {
  const { log, lines } = record('info');
  for (const event of Object.values(everyEvent)) log.emitFor('main')(event);
  const found = lines.map((line) => line['event']);
  assert.deepEqual(found.sort(), [
    'alarm',
    'client.error',
    'client.refused',
    'failover.promoting',
    'link.failed',
    'unit.held',
    'unit.retried',
    'view.changed',
  ]);
});

test('a view that differs in positions only is not said again', () => {
  const { log, lines } = record();
  const emit = log.emitFor('main');
  emit({ kind: 'view-changed', view: emptyView });
  emit({ kind: 'view-changed', view: { ...emptyView, version: 7 } });
  emit({ kind: 'view-changed', view: { ...emptyView, epoch: 1 } });
  assert.deepEqual(
    lines.map((line) => line['epoch']),
    [0, 1],
  );
});

describe('noisy kinds are limited, and what was left out is said', () => {
  test('ten lines of a kind pass in ten seconds, then the rest is counted once they are over', () => {
    const { log, lines, clock } = record();
    for (let n = 0; n < 50; n++) log.emitFor('main')(refused(n));
    assert.equal(lines.length, 10);
    clock.pass(10_000);
    assert.equal(lines.length, 11);
    assert.equal(lines[10]?.['event'], 'log.limited');
    assert.equal(lines[10]?.['count'], 40);
    assert.equal(clock.waiting, 0);
    log.emitFor('main')(refused(51));
    assert.equal(lines.length, 12);
  });

  test('another code, another cluster and another kind have their own allowance', () => {
    const { log, lines } = record();
    for (let n = 0; n < 20; n++) log.emitFor('main')(refused(n));
    log.emitFor('main')(refused(0, 'TLS_REQUIRED'));
    log.emitFor('other')(refused(0));
    log.emitFor('main')(everyEvent['link-failed']);
    assert.equal(lines.length, 13);
  });

  test('a flood of different kinds shares one allowance in bounded memory', () => {
    const { log, lines } = record();
    for (let n = 0; n < 5000; n++) log.emitFor('main')(refused(n, `code ${n}`));
    assert.ok(lines.length <= 256 + 10, String(lines.length));
  });

  test('closing tells what is still untold and leaves no timer', () => {
    const { log, lines, clock } = record();
    for (let n = 0; n < 15; n++) log.emitFor('main')(refused(n));
    log.close();
    assert.equal(lines.at(-1)?.['count'], 5);
    assert.equal(clock.waiting, 0);
    log.emitFor('main')(refused(99));
    assert.equal(lines.length, 11);
  });
});

describe('no secret and no flood of text reaches the log', () => {
  test('passwords in fields, connection strings and errors of drivers are hidden', () => {
    const { log, lines } = record();
    log.logger.info({ password: 's3cret', target: { password: 's3cret' }, a: { b: { password: 's3cret' } } });
    const error = Object.assign(new Error("cannot reach postgres://app:s3cret@db password='s3cret'"), {
      client: { password: 's3cret' },
    });
    log.logger.error({ err: error }, 'failed');
    log.emitFor('main')({ kind: 'alarm', rule: 'F00', reason: 'primary_conninfo password=s3cret host=a' });
    log.emitFor('main')({ kind: 'client-error', code: 'X', message: 'x://u:s3cret@h' });
    assert.equal(lines.length, 4);
    assert.doesNotMatch(JSON.stringify(lines), /s3cret/);
    assert.match(JSON.stringify(lines), /cannot reach/);
  });

  test('a long text is cut and its length said', () => {
    const { log, lines } = record();
    log.emitFor('main')({ kind: 'client-connected', user: 'u'.repeat(100_000), database: 'd' });
    assert.ok(String(lines[0]?.['user']).length < 600);
    assert.match(String(lines[0]?.['user']), /100000 characters/);
  });
});

test('lines that wait are written when the process ends without closing the log', () => {
  const program = `
    const { startLog } = await import('./src/log/log.ts');
    const clock = { now: () => 0, after: () => ({ cancel() {} }) };
    startLog({ level: 'info', clock }).logger.info({ event: 'last.words' });
    process.exit(3);
  `;
  const ended = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  assert.equal(ended.status, 3, ended.stderr);
  assert.match(ended.stdout, /"event":"last.words"/);
});
