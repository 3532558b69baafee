import { randomBytes } from 'node:crypto';
import type { EngineName } from './cluster.ts';
import { quoted } from './settings.ts';

/** A role's name and password. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

/** The roles of an embedded cluster. */
export interface Credentials {
  readonly superuser: Login;
  /** Probes and controls the nodes; in PostgreSQL a superuser too. */
  readonly monitor: Login;
  /** Replicas stream with it. */
  readonly replication: Login;
  /** The application's role; owns `database`. */
  readonly client: Login & { readonly database: string };
}

/** Fresh passwords for all but the application's role, which newcomers type: demo/demo. */
export function freshCredentials(engine: EngineName): Credentials {
  const password = (): string => randomBytes(18).toString('base64url');
  return {
    superuser: { user: engine === 'postgres' ? 'postgres' : 'root', password: password() },
    monitor: { user: 'pointsman', password: password() },
    replication: { user: 'replicator', password: password() },
    client: { user: 'demo', password: 'demo', database: 'demo' },
  };
}

/** Makes the roles and the database, one statement a line as the single-user mode reads them. */
export function roleStatements({ superuser, monitor, replication, client }: Credentials): string {
  return [
    `ALTER ROLE ${superuser.user} PASSWORD ${quoted(superuser.password)}`,
    `CREATE ROLE ${monitor.user} SUPERUSER LOGIN PASSWORD ${quoted(monitor.password)}`,
    `CREATE ROLE ${replication.user} REPLICATION LOGIN PASSWORD ${quoted(replication.password)}`,
    `CREATE ROLE ${client.user} LOGIN PASSWORD ${quoted(client.password)}`,
    `CREATE DATABASE ${client.database} OWNER ${client.user}`,
    '',
  ].join('\n');
}
