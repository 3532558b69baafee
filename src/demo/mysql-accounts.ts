import type { Credentials, Login } from './credentials.ts';
import type { Flavour } from './mysql-programs.ts';
import { quoted } from './settings.ts';

/** What a probe and a control need: to see the nodes and their catalogues, to switch and repoint them, to kill. */
const MONITOR: Readonly<Record<Flavour, string>> = {
  mysql: [
    'PROCESS, RELOAD, REPLICATION CLIENT, SELECT, TRIGGER, EVENT, SHOW_ROUTINE',
    'SYSTEM_VARIABLES_ADMIN, REPLICATION_SLAVE_ADMIN, CONNECTION_ADMIN',
  ].join(', '),
  mariadb: [
    'PROCESS, RELOAD, SLAVE MONITOR, SELECT, TRIGGER, EVENT',
    'REPLICATION SLAVE ADMIN, REPLICATION MASTER ADMIN, CONNECTION ADMIN, READ_ONLY ADMIN',
  ].join(', '),
};

/** Makes the accounts and the client's database, one statement a line as servers read them at their first start. */
export function accountStatements(flavour: Flavour, credentials: Credentials): string {
  const { superuser, monitor, replication, client } = credentials;
  const proof = flavour === 'mysql' ? byPassword : byNativePassword;
  return [
    ...(flavour === 'mysql' ? ['SET sql_log_bin = OFF'] : EMPTIED),
    ...(flavour === 'mysql' ? ["DROP USER root@'localhost'"] : []),
    `CREATE USER ${named(superuser)} ${proof(superuser)}`,
    `GRANT ALL ON *.* TO ${named(superuser)} WITH GRANT OPTION`,
    `CREATE USER ${named(monitor)} ${proof(monitor)}`,
    `GRANT ${MONITOR[flavour]} ON *.* TO ${named(monitor)}`,
    `CREATE USER ${named(replication)} ${proof(replication)}`,
    `GRANT REPLICATION SLAVE ON *.* TO ${named(replication)}`,
    `CREATE DATABASE ${client.database} CHARACTER SET utf8mb4`,
    `CREATE USER ${named(client)} ${proof(client)}`,
    `GRANT ALL ON ${client.database}.* TO ${named(client)}`,
    '',
  ].join(';\n');
}

/** A data folder is made with the privilege tables closed, and with accounts that nobody asked for. */
const EMPTIED = [
  'FLUSH PRIVILEGES',
  "DELETE FROM mysql.global_priv WHERE User <> 'mariadb.sys'",
  'FLUSH PRIVILEGES',
];

/** From any host: the servers listen on 127.0.0.1 alone, and without name lookups that is not `localhost`. */
function named({ user }: Login): string {
  return `${quoted(user)}@'%'`;
}

function byPassword({ password }: Login): string {
  return `IDENTIFIED WITH caching_sha2_password BY ${quoted(password)}`;
}

function byNativePassword({ password }: Login): string {
  return `IDENTIFIED VIA mysql_native_password USING PASSWORD(${quoted(password)})`;
}
