import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connected, type Row } from '../../src/demo/ask.ts';
import { type EngineName, nodeName } from '../../src/demo/cluster.ts';
import { connectedMysql, rowsOf } from '../../src/demo/mysql-ask.ts';
import { anyPorts, freeRun } from '../../src/demo/ports.ts';
import { commandOf, serverProcesses } from '../../src/demo/processes.ts';
import { until } from '../../src/demo/until.ts';
import { need } from '../support/need.ts';
import { takenPort } from '../support/taken-port.ts';

const LAUNCHER = join(import.meta.dirname, '../../bin/pointsman.mjs');
const READY_WITHIN = 60_000;
const WITHIN = 30_000;
const CLIENT = { user: 'demo', password: 'demo', database: 'demo' };

/** Statements of one session, one after another; the rows of the last. */
type Talk = (port: number, ...statements: readonly string[]) => Promise<Row[]>;

const byPg: Talk = (port, ...statements) =>
  connected({ ...CLIENT, port }, async (session) => {
    let rows: Row[] = [];
    for (const statement of statements) rows = (await session.query<Row>(statement)).rows;
    return rows;
  });

const byMysql: Talk = (port, ...statements) =>
  connectedMysql({ ...CLIENT, port }, async (session) => {
    let rows: Row[] = [];
    for (const statement of statements) rows = await rowsOf(session, statement);
    return rows;
  });

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

async function demoPorts(engine: EngineName): Promise<{ port: number; replicas: number[]; args: string[] }> {
  const [port = 0, admin = 0] = await anyPorts(2);
  const [first = 0] = await freeRun(21_432, 3);
  const args = ['--engine', engine, '--port', port, '--admin-port', admin, '--node-ports', first].map(String);
  return { port, replicas: [first + 1, first + 2], args };
}

function demoOf(engine: EngineName, talk: Talk, skip: string | false): void {
  const first = nodeName(engine, 1);

  describe(`the demo of ${engine}`, { skip }, () => {
    test('it serves, survives kill -9 of its primary, and Ctrl-C leaves no process and no folder', async () => {
      await using temporary = await temporaryFolder();
      const { port, replicas, args } = await demoPorts(engine);
      await using demo = new Demo(args, temporary.folder);
      await demo.prints(/What happens to the nodes/, READY_WITHIN);
      await talk(port, 'CREATE TABLE note (said text)', "INSERT INTO note VALUES ('before')");
      // Replication is asynchronous here: what is not on a replica yet would be lost.
      for (const replica of replicas) {
        const has = async () => (await talk(replica, 'SELECT said FROM note').catch(() => [])).length === 1;
        assert.ok(await until(has, WITHIN));
      }

      const [, pid = ''] = await demo.prints(new RegExp(`${first} +primary +\\d+ +(\\d+)`));
      const [mark = ''] = /pointsman-[0-9a-f]{8}/.exec(commandOf(Number(pid))) ?? [];
      assert.equal(serverProcesses(`${mark}-${first}`).includes(Number(pid)), true);
      process.kill(Number(pid), 'SIGKILL');
      await demo.prints(new RegExp(`${first} is lost; \\w+-\\d is the primary now`));
      // One session: it reads its own write, wherever that is by then.
      const said = await talk(
        port,
        "INSERT INTO note VALUES ('after')",
        'SELECT said FROM note ORDER BY said',
      );
      assert.deepEqual(said, [{ said: 'after' }, { said: 'before' }]);
      await demo.prints(new RegExp(`${first} is up as a replica`));

      demo.child.kill('SIGINT');
      assert.equal(await demo.ended, 0);
      assert.deepEqual(serverProcesses(mark), []);
      assert.deepEqual(readdirSync(temporary.folder), []);
    });

    test('a kept folder stays, and the next demo goes on with its data', async () => {
      await using temporary = await temporaryFolder();
      const { port, args } = await demoPorts(engine);
      const keep = join(temporary.folder, 'kept');
      {
        await using demo = new Demo([...args, '--keep', keep], temporary.folder);
        await demo.prints(/the data stays in/, READY_WITHIN);
        await talk(port, 'CREATE TABLE note AS SELECT 1 AS i');
      }
      assert.ok(existsSync(join(keep, first)));
      await using demo = new Demo([...args, '--keep', keep], temporary.folder);
      await demo.prints(/the data stays in/, READY_WITHIN);
      assert.deepEqual(await talk(port, 'SELECT i FROM note'), [{ i: 1 }]);
    });

    test('with --sync commits wait for a replica, and after kill -9 of the primary for the other one', async () => {
      await using temporary = await temporaryFolder();
      const { port, args } = await demoPorts(engine);
      await using demo = new Demo([...args, '--sync', '--no-restart'], temporary.folder);
      const [, pid] = await demo.prints(new RegExp(`${first} +primary +\\d+ +(\\d+)`), READY_WITHIN);
      await talk(port, 'CREATE TABLE note (said text)');
      process.kill(Number(pid), 'SIGKILL');
      await demo.prints(new RegExp(`${first} is lost`));
      const said = await talk(port, "INSERT INTO note VALUES ('after')", 'SELECT said FROM note');
      assert.deepEqual(said, [{ said: 'after' }]);
    });
  });
}

demoOf('postgres', byPg, false);
demoOf('mysql', byMysql, need('mysqld'));
demoOf('mariadb', byMysql, need('mariadbd'));

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
