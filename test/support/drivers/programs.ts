import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConnectionFacts } from '../stage.ts';

/** A program of an application: what it is run with, and what it must find. */
export interface DriverProgram {
  readonly name: string;
  /** Why it cannot run here, or false. */
  readonly skip: string | false;
  /** `folder`: where `build` has laid what it made. */
  command(folder: string): readonly string[];
  /** Settings of the environment, on top of this process's. */
  readonly env?: Readonly<Record<string, string>>;
  /** Translates it. */
  build?(folder: string): readonly string[];
}

/** The Python whose packages Debian keeps; another on the PATH would not find them. */
const PYTHON = '/usr/bin/python3';
const JDBC = '/usr/share/java/mariadb-java-client.jar';
/** Where Debian lays the sources of Go packages. */
const GOPATH = '/usr/share/gocode';
const GO_PROGRAM = 'go-sql-driver';
const GO_DRIVER = join(GOPATH, 'src/github.com/go-sql-driver/mysql');

const NODE_PROGRAM = fileURLToPath(new URL('./node.ts', import.meta.url));

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** The host, port, user, password and database that a program is told behind its own arguments. */
export function argumentsOf({ host, port, user, password, database }: ConnectionFacts): string[] {
  return [host, String(port), user, password, database];
}

/** All of the matrix. */
export function driverPrograms(): DriverProgram[] {
  return [
    { name: 'mysql2', skip: false, command: () => [process.execPath, NODE_PROGRAM, 'mysql2'] },
    { name: 'mariadb (npm)', skip: false, command: () => [process.execPath, NODE_PROGRAM, 'mariadb'] },
    python('PyMySQL', 'dbapi.py', 'pymysql', 'python3-pymysql'),
    python('mysqlclient', 'dbapi.py', 'MySQLdb', 'python3-mysqldb'),
    python('SQLAlchemy over PyMySQL', 'orm.py', 'pymysql', 'python3-sqlalchemy', 'sqlalchemy'),
    python('SQLAlchemy over mysqlclient', 'orm.py', 'mysqldb', 'python3-sqlalchemy', 'sqlalchemy'),
    {
      name: 'go-sql-driver',
      skip: missing(existsSync(GO_DRIVER), 'golang-github-go-sql-driver-mysql-dev') || runs('go', 'version'),
      build: (folder) => ['go', 'build', '-o', join(folder, GO_PROGRAM), file('drivers.go')],
      command: (folder) => [join(folder, GO_PROGRAM)],
      env: { GO111MODULE: 'off', GOPATH, GOFLAGS: '' },
    },
    {
      name: 'MariaDB Connector/J',
      skip: missing(existsSync(JDBC), 'libmariadb-java') || runs('javac', '-version'),
      command: () => ['java', '-cp', JDBC, file('Drivers.java')],
    },
  ];
}

function python(name: string, script: string, driver: string, debian: string, needs = driver): DriverProgram {
  const found = spawnSync(PYTHON, ['-c', `import ${needs}`]).status === 0;
  return { name, skip: missing(found, debian), command: () => [PYTHON, file(script), driver] };
}

const missing = (found: boolean, debian: string): string | false =>
  found ? false : `Debian's ${debian} is not installed on this machine`;

const runs = (program: string, ...args: string[]): string | false =>
  spawnSync(program, args).status === 0 ? false : `${program} is not installed on this machine`;
