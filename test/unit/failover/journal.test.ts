import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ProxyError } from '../../../src/core/errors.ts';
import { nodeId } from '../../../src/core/node.ts';
import { openJournal } from '../../../src/failover/journal.ts';
import type { JournalEntry } from '../../../src/failover/record.ts';

const released = (epoch: number): JournalEntry => ({ kind: 'released', epoch, node: nodeId('pg-1') });

describe('the journal', () => {
  let folder = '';
  let wall = 5_000;
  const open = () => openJournal({ folder: join(folder, 'new'), cluster: 'main', wallNow: () => wall });
  const path = () => join(folder, 'new', 'main.failover.jsonl');

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pointsman-journal-'));
    wall = 5_000;
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('what was appended is read back in order, with its age', async () => {
    const first = await open();
    assert.deepEqual(first.records, []);
    await Promise.all([first.append(released(1)), first.append(released(2))]);
    wall += 1_000;
    await first.append(released(3));
    await first.close();
    wall += 10_000;
    const second = await open();
    assert.deepEqual(second.records, [
      { entry: released(1), ageMs: 11_000 },
      { entry: released(2), ageMs: 11_000 },
      { entry: released(3), ageMs: 10_000 },
    ]);
    await second.close();
  });

  test('a last line that a crash left unfinished is cut off, and the next entry begins a line', async () => {
    const first = await open();
    await first.append(released(1));
    await first.close();
    await appendFile(path(), '{"wall":5000,"entry":{"kind":"rel');
    const second = await open();
    assert.deepEqual(
      second.records.map(({ entry }) => entry.epoch),
      [1],
    );
    await second.append(released(2));
    await second.close();
    const third = await open();
    assert.deepEqual(
      third.records.map(({ entry }) => entry.epoch),
      [1, 2],
    );
    await third.close();
  });

  test('an unreadable line in the middle is an error that names file and line', async () => {
    const first = await open();
    await first.append(released(1));
    await first.close();
    await writeFile(path(), `nonsense\n${await readFile(path(), 'utf8')}`);
    await assert.rejects(open, (error) => {
      assert.ok(error instanceof ProxyError);
      assert.equal(error.code, 'CONFIG');
      assert.match(error.message, /line 1 of the failover journal .*main\.failover\.jsonl is not readable/);
      return true;
    });
  });

  test('a clock that was set back makes no negative age', async () => {
    const first = await open();
    await first.append(released(1));
    await first.close();
    wall = 0;
    const second = await open();
    assert.equal(second.records[0]?.ageMs, 0);
    await second.close();
  });

  test('a folder that cannot be made is an error that says so', async () => {
    await writeFile(join(folder, 'new'), 'a file');
    await assert.rejects(open, /the failover journal .* cannot be opened/);
  });
});
