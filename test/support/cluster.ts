import type { ClusterOptions, DatabaseCluster, EngineName } from '../../src/demo/cluster.ts';
import { MysqlCluster, type MysqlOptions } from '../../src/demo/mysql.ts';
import { EmbeddedCluster, type PostgresOptions } from '../../src/demo/postgres.ts';

const ATTEMPTS = 3;

/**
 * A real cluster for one test file: one primary (pg-1), two streaming replicas, no fsync; `await using`, or
 * `close` in an `after` hook. Where the system picks the ports, a port that was taken meanwhile means another try.
 */
export function startCluster(options: PostgresOptions = {}): Promise<EmbeddedCluster> {
  const given = { ...options, settings: { fsync: 'off', ...options.settings } };
  return attempted(options, () => EmbeddedCluster.start(given));
}

/** As `startCluster` for MySQL (my-1, …) or MariaDB (maria-1, …): kill -9 of a server loses nothing. */
export function startMysqlCluster(options: MysqlOptions): Promise<MysqlCluster> {
  const unsynced = { 'sync-binlog': '0', 'innodb-flush-log-at-trx-commit': '2' };
  const given = { ...options, settings: { ...unsynced, ...options.settings } };
  return attempted(options, () => MysqlCluster.start(given));
}

async function attempted<T>(options: ClusterOptions, start: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start();
    } catch (error) {
      const taken = /PORT_TAKEN|is taken|Address already in use/i.test(String(error));
      if (options.ports !== undefined || !taken || attempt === ATTEMPTS) throw error;
    }
  }
}

/** One of the two above, by the engine's name. */
export function startAnyCluster(engine: EngineName, options: PostgresOptions = {}): Promise<DatabaseCluster> {
  return engine === 'postgres' ? startCluster(options) : startMysqlCluster({ ...options, flavour: engine });
}
