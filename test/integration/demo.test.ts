import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, connected } from '../../src/demo/ask.ts';
import { anyPorts, freeRun } from '../../src/demo/ports.ts';
import { serverProcesses } from '../../src/demo/processes.ts';
import { until } from '../../src/demo/until.ts';
import { takenPort } from '../support/taken-port.ts';

const LAUNCHER = join(import.meta.dirname, '../../bin/pointsman.mjs');
const READY_WITHIN = 15_000;
const WITHIN = 30_000;
const CLIENT = { user: 'demo', password: 'demo', database: 'demo' };

/** A running demo: its process, all it has printed, and its end. */
class Demo {
  readonly child: ChildProcess;
  readonly ended: Promise<number | NodeJS.Signals | null>;
  printed = '';

  constructor(args: readonly string[], folder: string) {
    this.child = spawn(process.execPath, [LAUNCHER, 'demo', ...args], {
      env: { ...process.env, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.printed += chunk.toString();
      });
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => resolve(code ?? signal));
    });
  }

  async prints(words: RegExp, withinMs = WITHIN): Promise<RegExpExecArray> {
    await until(() => words.test(this.printed) || this.child.exitCode !== null, withinMs);
    const found = words.exec(this.printed);
    assert.ok(found, `the demo prints ${words}; it printed:\n${this.printed}`);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGTERM');
    await this.ended;
  }
}

/** A temporary folder that the servers' account may enter. */
async function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-demo-test-'));
  await chmod(folder, 0o755);
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

async function demoPorts(): Promise<{ port: number; args: string[] }> {
  const [port = 0, admin = 0] = await anyPorts(2);
  const [first = 0] = await freeRun(21_432, 3);
  const args = ['--port', port, '--admin-port', admin, '--node-ports', first].map(String);
  return { port, args };
}

test('the demo serves, survives kill -9 of its primary, and Ctrl-C leaves no process and no folder', async () => {
  await using temporary = await temporaryFolder();
  const { port, args } = await demoPorts();
  await using demo = new Demo(args, temporary.folder);
  await demo.prints(/What happens to the nodes/, READY_WITHIN);
  const client = { ...CLIENT, port };

  await ask(client, 'CREATE TABLE note (said text)');
  await ask(client, "INSERT INTO note VALUES ('before')");
  const [row] = await ask(client, 'SHOW cluster_name');
  const mark = String(row?.['cluster_name']).replace(/-pg-\d$/, '');
  assert.notDeepEqual(serverProcesses(mark), []);

  const [, pid] = await demo.prints(/pg-1 +primary +\d+ +(\d+)/);
  process.kill(Number(pid), 'SIGKILL');
  await demo.prints(/pg-1 is lost; pg-\d is the primary now/);
  // One session: it reads its own write, wherever that is by then.
  const said = await connected(client, async (session) => {
    await session.query("INSERT INTO note VALUES ('after')");
    return (await session.query('SELECT said FROM note ORDER BY said')).rows;
  });
  assert.deepEqual(said, [{ said: 'after' }, { said: 'before' }]);
  await demo.prints(/pg-1 is up as a replica/);

  demo.child.kill('SIGINT');
  assert.equal(await demo.ended, 0);
  assert.deepEqual(serverProcesses(mark), []);
  assert.deepEqual(readdirSync(temporary.folder), []);
});

test('a kept folder stays, and the next demo goes on with its data', async () => {
  await using temporary = await temporaryFolder();
  const { port, args } = await demoPorts();
  const keep = join(temporary.folder, 'kept');
  const client = { ...CLIENT, port };
  {
    await using demo = new Demo([...args, '--keep', keep], temporary.folder);
    await demo.prints(/the data stays in/, READY_WITHIN);
    await connected(client, (session) => session.query('CREATE TABLE note AS SELECT 1 AS i'));
  }
  assert.ok(existsSync(join(keep, 'pg-1')));
  await using demo = new Demo([...args, '--keep', keep], temporary.folder);
  await demo.prints(/the data stays in/, READY_WITHIN);
  assert.deepEqual(await ask(client, 'SELECT i FROM note'), [{ i: 1 }]);
});

test('a taken port ends the demo with an error that names the port and the option', async () => {
  await using temporary = await temporaryFolder();
  await using taken = await takenPort();
  for (const option of ['--port', '--admin-port', '--node-ports']) {
    const [port = 0, admin = 0] = await anyPorts(2);
    const given = {
      '--port': `${port}`,
      '--admin-port': `${admin}`,
      '--node-ports': '21532',
      [option]: `${taken.port}`,
    };
    await using demo = new Demo(Object.entries(given).flat(), temporary.folder);
    assert.equal(await demo.ended, 1);
    assert.match(demo.printed, new RegExp(`port ${taken.port} .*${option}`));
  }
  assert.deepEqual(readdirSync(temporary.folder), []);
});
