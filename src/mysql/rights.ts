import type { Finding } from '../core/engine.ts';
import type { Target } from '../core/wire.ts';
import { within } from '../net/deadline.ts';
import { isMariaDb } from './collations.ts';
import { ControlConnection, type Row } from './control-connection.ts';
import { messageOf } from './failure.ts';
import { settingFindings } from './server-settings.ts';

type Ask = (text: string) => Promise<Row[]>;

/** What this account lacks and which settings stand in the way; only 'ok' findings if nothing does. */
export async function rightsFindings(ask: Ask, promotes: boolean): Promise<Finding[]> {
  const [who = {}] = await ask(
    'SELECT @@version AS version, CURRENT_USER() AS account, CURRENT_ROLE() AS role',
  );
  const isMaria = isMariaDb(who['version'] ?? '');
  const privileges = await grantedTo(ask, isMaria, who['role'] ?? '');
  const account = quotedAccount(who['account'] ?? '');
  return [
    ...needed(
      isMaria ? MARIA_OBSERVING : OBSERVING,
      privileges,
      account,
      'error',
      'the account may observe this node',
    ),
    ...needed(
      isMaria ? MARIA_PROMOTING : PROMOTING,
      privileges,
      account,
      promotes ? 'error' : 'warning',
      'the account may promote, repoint and fence this node',
    ),
    ...(isMaria || !promotes
      ? []
      : needed(ADVISED, privileges, account, 'warning', 'the account may end any session')),
    ...(await settingFindings(ask, isMaria, promotes)),
    ...(isMaria ? await bypassFindings(ask, account) : []),
  ];
}

/** A privilege, other names of it or others that include it, and what is not possible without it. */
type Need = readonly [privilege: string, instead: readonly string[], without: string];

const OBSERVING: readonly Need[] = [
  ['REPLICATION CLIENT', ['SUPER'], 'what a replica receives cannot be seen: nodes cannot be observed'],
  ['SELECT', [], 'tables and views cannot be told apart, so reads stay on the primary'],
];
const PROMOTING: readonly Need[] = [
  ['SYSTEM_VARIABLES_ADMIN', ['SUPER'], 'read-only can be neither lifted nor set'],
  ['REPLICATION_SLAVE_ADMIN', ['SUPER'], 'a replica can be neither promoted nor repointed'],
  ['RELOAD', [], 'a promoted replica cannot forget whom it followed (RESET REPLICA ALL)'],
  ['CONNECTION_ADMIN', ['SUPER'], "other users' sessions on a superseded primary cannot be ended"],
  ['PROCESS', [], "other users' sessions on a superseded primary cannot be seen"],
  ['EVENT', [], 'events stay disabled on a promoted replica'],
];
const ADVISED: readonly Need[] = [
  [
    'SYSTEM_USER',
    ['SUPER'],
    "administrators' sessions on a superseded primary cannot be ended: their locks keep it writable",
  ],
];
const MARIA_OBSERVING: readonly Need[] = [
  [
    'SLAVE MONITOR',
    ['REPLICA MONITOR', 'SUPER'],
    'what a replica receives cannot be seen: nodes cannot be observed',
  ],
  ['SELECT', [], 'tables and views cannot be told apart, so reads stay on the primary'],
];
const MARIA_PROMOTING: readonly Need[] = [
  ['READ_ONLY ADMIN', ['READ ONLY ADMIN'], 'read-only can be neither lifted nor set'],
  [
    'REPLICATION SLAVE ADMIN',
    ['REPLICATION REPLICA ADMIN', 'SUPER'],
    'a replica can be neither promoted nor repointed',
  ],
  [
    'REPLICATION MASTER ADMIN',
    ['SUPER'],
    'a promoted replica cannot wait for its replicas (semi-synchronous replication)',
  ],
  ['RELOAD', [], 'a promoted replica cannot forget whom it followed (RESET SLAVE ALL)'],
  ['CONNECTION ADMIN', ['SUPER'], "other users' sessions on a superseded primary cannot be ended"],
  ['PROCESS', [], "other users' sessions on a superseded primary cannot be seen"],
];

function needed(
  needs: readonly Need[],
  privileges: ReadonlySet<string>,
  account: string,
  severity: 'error' | 'warning',
  fine: string,
): Finding[] {
  const holds = (names: readonly string[]): boolean =>
    privileges.has('ALL PRIVILEGES') || names.some((name) => privileges.has(name));
  const lacking = needs
    .filter(([privilege, instead]) => !holds([privilege, ...instead]))
    .map(([privilege, , without]): Finding => {
      const what = `the account lacks ${privilege}: ${without}`;
      return { severity, what, mend: `GRANT ${privilege} ON *.* TO ${account};` };
    });
  return lacking.length > 0 ? lacking : [{ severity: 'ok', what: fine, mend: '' }];
}

/** Global privileges, those of the active roles included. */
async function grantedTo(ask: Ask, isMaria: boolean, role: string): Promise<ReadonlySet<string>> {
  const roles = role === '' || role === 'NONE' || isMaria ? '' : ` USING ${role}`;
  const rows = await ask(`SHOW GRANTS FOR CURRENT_USER()${roles}`);
  const privileges = new Set<string>();
  for (const text of rows.flatMap((row) => Object.values(row))) {
    const match = /^GRANT (.*) ON \*\.\* TO /.exec(text ?? '');
    for (const word of match?.[1]?.split(',') ?? []) privileges.add(word.trim().toUpperCase());
  }
  return privileges;
}

/** `user@host` of CURRENT_USER() as a statement wants it. */
function quotedAccount(account: string): string {
  const at = account.lastIndexOf('@');
  return `'${account.slice(0, at)}'@'${account.slice(at + 1)}'`;
}

/** MariaDB has no super_read_only: who holds this right writes on replicas. Before 10.11 SUPER included it. */
async function bypassFindings(ask: Ask, account: string): Promise<Finding[]> {
  const rows = await ask(
    "SELECT DISTINCT GRANTEE AS account FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE IN ('READ_ONLY ADMIN', 'READ ONLY ADMIN')",
  );
  const others = rows.map((row) => row['account'] ?? '').filter((other) => other !== account);
  if (others.length === 0)
    return [{ severity: 'ok', what: 'no other account may write on a read-only node', mend: '' }];
  return others.map((other) => ({
    severity: 'warning',
    what: `${other} may write on replicas: READ_ONLY ADMIN bypasses read_only`,
    mend: `REVOKE READ_ONLY ADMIN ON *.* FROM ${other};`,
  }));
}

/** Whether the account that replicas stream with may come in from here. Never rejects. */
export async function replicationFinding(
  target: Target,
  login: { readonly user: string; readonly password: string | undefined },
  timeoutMs: number,
): Promise<Finding> {
  try {
    const privileges = await within(timeoutMs, undefined, async (signal) => {
      const options = { applicationName: 'pointsman', lockTimeoutMs: timeoutMs, signal };
      const connection = await ControlConnection.open({ ...target, ...login, database: '' }, options);
      const granted = await grantedTo((text) => connection.query(text, signal), false, '');
      await connection.close();
      return granted;
    });
    const may = ['REPLICATION SLAVE', 'REPLICATION REPLICA', 'ALL PRIVILEGES'].some((one) =>
      privileges.has(one),
    );
    if (may) return { severity: 'ok', what: `${login.user} may replicate from this node`, mend: '' };
    return {
      severity: 'error',
      what: `${login.user} may not replicate from this node: it lacks REPLICATION SLAVE`,
      mend: `GRANT REPLICATION SLAVE ON *.* TO that account;`,
    };
  } catch (error) {
    return {
      severity: 'error',
      what: `${login.user} may not replicate from this node: ${messageOf(error)}`,
      mend: 'mend `failover.replication`, or that account and the hosts it may come from',
    };
  }
}
