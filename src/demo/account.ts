import { readFile } from 'node:fs/promises';
import { ProxyError } from '../core/errors.ts';

/** The account that servers run as, where it is not this process's own. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const PREFERRED = ['postgres', 'nobody'];

/** The first preferred account of a passwd file (passwd(5)); undefined if it has none of them. */
export function accountFrom(passwd: string): Account | undefined {
  const entries = passwd.split('\n').map((line) => line.split(':'));
  for (const name of PREFERRED) {
    const entry = entries.find((fields) => fields[0] === name);
    const uid = Number(entry?.[2] || Number.NaN);
    const gid = Number(entry?.[3] || Number.NaN);
    if (uid > 0 && Number.isInteger(uid) && Number.isInteger(gid)) return { name, uid, gid };
  }
  return undefined;
}

/**
 * The account to run servers as: they refuse root, and PostgreSQL accounts without a passwd entry.
 * Undefined: this process is not root, and its own account serves. Rejects with ProxyError('UNSUPPORTED').
 */
export async function serverAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const account = accountFrom(await readFile('/etc/passwd', 'utf8'));
  if (account !== undefined) return account;
  throw new ProxyError('UNSUPPORTED', {
    side: 'proxy',
    retry: 'no',
    tell: `database servers do not run as root, and /etc/passwd has no account ${PREFERRED.join(' or ')}; start as an ordinary user`,
  });
}
