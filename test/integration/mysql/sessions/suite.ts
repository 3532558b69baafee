import { after, before, test } from 'node:test';
import type { EngineName } from '../../../../src/demo/cluster.ts';
import type { How } from '../../../support/mysql-recorder.ts';
import { assertSame, LINKS, primaryOf, type Script } from '../../../support/mysql-sameness.ts';
import { Stage } from '../../../support/stage.ts';

export type Flavour = Exclude<EngineName, 'postgres'>;

/** What a module of this folder registers its tests with. */
export interface Suite {
  readonly flavour: Flavour;
  stage(): Stage;
  /** The same answers through the proxy as directly. */
  same(name: string, script: Script, how?: How): void;
  test(name: string, run: () => Promise<void>): void;
}

const GROUND = [
  'CREATE DATABASE other',
  'CREATE TABLE neighbours (k INT AUTO_INCREMENT PRIMARY KEY, v INT)',
  'INSERT INTO neighbours (v) VALUES (0)',
  'CREATE TABLE own (k INT PRIMARY KEY, v VARCHAR(20))',
  "INSERT INTO own VALUES (1, 'one'), (2, 'two'), (3, 'three')",
  'CREATE TABLE other.own (k INT PRIMARY KEY, w VARCHAR(20))',
  "INSERT INTO other.own VALUES (7, 'seven')",
  'CREATE TABLE other.neighbours LIKE neighbours',
  "GRANT ALL ON other.* TO demo@'%'",
  "GRANT PROCESS ON *.* TO demo@'%'",
];

/** A primary and a replica, with so many links to each. */
export async function sessionStage(flavour: Flavour, size: number): Promise<Stage> {
  const stage = await Stage.start({
    engine: flavour,
    cluster: { replicas: 1, settings: { 'local-infile': 'ON', 'max-allowed-packet': '67108864' } },
    proxy: { pool: { mode: 'transaction', size, waitTimeout: '20s' }, failover: { mode: 'observe' } },
  });
  for (const text of GROUND) await stage.cluster.query(primaryOf(stage), text);
  return stage;
}

/** Starts a primary and a replica with two links to each, and has the modules register their tests. */
export function sessionSuite(flavour: Flavour, ...modules: readonly ((suite: Suite) => void)[]): void {
  let running: Stage | undefined;
  before(async () => {
    running = await sessionStage(flavour, LINKS);
  });
  after(() => running?.close());
  const stage = (): Stage => {
    if (running === undefined) throw new Error('the stage has not been set');
    return running;
  };
  const suite: Suite = {
    flavour,
    stage,
    same: (name, script, how) => test(name, () => assertSame(stage(), script, how)),
    test: (name, run) => test(name, run),
  };
  for (const register of modules) register(suite);
}
