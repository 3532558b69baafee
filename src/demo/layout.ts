import { appendFile, chown, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Account } from './account.ts';
import type { Binaries } from './binaries.ts';
import { type Credentials, roleStatements } from './credentials.ts';
import { run } from './run.ts';
import { configurationLines, HBA, replicaOverrides, SERVER_SETTINGS } from './settings.ts';

export interface LayOptions {
  readonly binaries: Binaries;
  readonly account: Account | undefined;
  readonly credentials: Credentials;
  /** Server settings on top of ours. */
  readonly settings: Readonly<Record<string, string>>;
}

const LAY_WITHIN = 60_000;

/** Makes a data folder with roles and the client's database; no server runs afterwards. */
export async function layPrimary(dataFolder: string, options: LayOptions): Promise<void> {
  const { binaries, account } = options;
  const initdb = [
    '-D',
    dataFolder,
    '-U',
    options.credentials.superuser.user,
    '--encoding=UTF8',
    '--locale=C',
  ];
  // Trust is never in effect: pg_hba.conf is replaced before a server listens.
  initdb.push(
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--auth=trust',
    '--no-sync',
    '--no-instructions',
  );
  await run(binaries.initdb, initdb, { account, withinMs: LAY_WITHIN });
  await writeFile(join(dataFolder, 'pg_hba.conf'), HBA);
  await appendFile(
    join(dataFolder, 'postgresql.conf'),
    configurationLines({ ...SERVER_SETTINGS, ...options.settings }),
  );
  await makeRoles(dataFolder, options);
}

async function makeRoles(dataFolder: string, options: LayOptions): Promise<void> {
  // Nobody streams yet: a synchronous standby would be awaited for ever.
  const settings = ['-c', 'fsync=off', '-c', 'synchronous_standby_names=', '-c', 'log_checkpoints=off'];
  const output = await run(
    options.binaries.postgres,
    ['--single', '-D', dataFolder, ...settings, 'postgres'],
    {
      account: options.account,
      input: roleStatements(options.credentials),
      withinMs: LAY_WITHIN,
    },
  );
  // The single-user mode ends with 0 even if statements failed.
  const failure = /(ERROR|FATAL|PANIC):.*/.exec(output)?.[0];
  if (failure !== undefined) throw new Error(`the roles of the cluster could not be made: ${failure}`);
}

/** Turns a copy of a data folder into a replica that streams by `conninfo` once it is started. */
export async function makeReplica(
  dataFolder: string,
  conninfo: string,
  account: Account | undefined,
): Promise<void> {
  const overrides = join(dataFolder, 'postgresql.auto.conf');
  const copied = await readFile(overrides, 'utf8').catch(() => '');
  await writeOwned(overrides, replicaOverrides(copied, conninfo), account);
  await writeOwned(join(dataFolder, 'standby.signal'), '', account);
}

/** Writes a file that only `account` may read. */
export async function writeOwned(path: string, text: string, account: Account | undefined): Promise<void> {
  await writeFile(path, text, { mode: 0o600 });
  if (account !== undefined) await chown(path, account.uid, account.gid);
}
