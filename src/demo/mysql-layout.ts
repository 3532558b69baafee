import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Account } from './account.ts';
import type { Credentials } from './credentials.ts';
import { writeOwned } from './layout.ts';
import { accountStatements } from './mysql-accounts.ts';
import type { House } from './mysql-house.ts';
import { asArguments, type ServerSettings } from './mysql-settings.ts';
import { type Launch, run } from './run.ts';

export interface LayMysqlOptions {
  readonly house: House;
  /** The cluster's folder. */
  readonly folder: string;
  readonly account: Account | undefined;
  readonly credentials: Credentials;
  /** The user's own settings: some hold for the data folder for ever (lower_case_table_names). */
  readonly own: ServerSettings;
  /** The process is found by it. */
  readonly mark: string;
}

const LAY_WITHIN = 120_000;

/** Makes a data folder with accounts and the client's database, no transaction in its history; no server runs. */
export async function layMysql(dataFolder: string, options: LayMysqlOptions): Promise<void> {
  const { house, account, credentials } = options;
  const statements = join(options.folder, 'accounts.sql');
  await writeOwned(statements, accountStatements(house.programs.flavour, credentials), account);
  try {
    const { file, args, runsAs } = laying(dataFolder, statements, options);
    await run(file, args, { account: runsAs, withinMs: LAY_WITHIN });
  } finally {
    await rm(statements, { force: true });
  }
}

function laying(dataFolder: string, statements: string, options: LayMysqlOptions): Launch {
  const { house, mark } = options;
  const { programs } = house;
  const inside = house.inside(dataFolder);
  // A server that starts removes the temporary files of all others in the same folder.
  const common = [`--datadir=${inside}`, `--tmpdir=${dirname(inside)}`, '--innodb-flush-log-at-trx-commit=0'];
  const own = asArguments(options.own);
  if (programs.install !== undefined) {
    const args = ['--no-defaults', ...common, `--extra-file=${statements}`, '--innodb-log-file-size=16M'];
    args.push('--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve');
    return house.launch(programs.install, [...args, `--pid-file=${mark}.pid`, ...own]);
  }
  const args = [
    '--no-defaults',
    '--initialize-insecure',
    ...common,
    `--init-file=${house.inside(statements)}`,
  ];
  args.push('--innodb-redo-log-capacity=64M', '--log-error-verbosity=1', '--disable-log-bin');
  return house.launch(programs.server, [...args, `--pid-file=${mark}.pid`, ...own]);
}

/** What a copy of a data folder must not have of the other node: its identity. */
export function isOfOneNode(path: string): boolean {
  return path === 'auto.cnf' || path.endsWith('.pid');
}
