import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { EngineName } from '../../src/demo/cluster.ts';

/** A process that owns a cluster until it is killed, and where the cluster is. */
export interface Owner {
  readonly child: ChildProcess;
  readonly folder: string;
  readonly mark: string;
}

/** Starts a cluster of one primary and one replica in a process of its own. */
export async function spawnOwner(engine: EngineName): Promise<Owner> {
  const owner = `
    import { startAnyCluster } from ${JSON.stringify(join(import.meta.dirname, 'cluster.ts'))};
    const { folder, mark } = await startAnyCluster(${JSON.stringify(engine)}, { replicas: 1 });
    console.log(JSON.stringify({ folder, mark }));
    setInterval(() => undefined, 1000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', owner], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString()));
    child.once('exit', () => reject(new Error('the owner has ended')));
  });
  return { child, ...(JSON.parse(line) as { folder: string; mark: string }) };
}
