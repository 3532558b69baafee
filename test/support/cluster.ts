import { type ClusterOptions, EmbeddedCluster } from '../../src/demo/postgres.ts';

const ATTEMPTS = 3;

/**
 * A real cluster for one test file: one primary (pg-1), two streaming replicas, no fsync; `await using`, or
 * `close` in an `after` hook. Where the system picks the ports, a port that was taken meanwhile means another try.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<EmbeddedCluster> {
  const given = { ...options, settings: { fsync: 'off', ...options.settings } };
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await EmbeddedCluster.start(given);
    } catch (error) {
      const taken = /PORT_TAKEN|is taken|Address already in use/.test(String(error));
      if (options.ports !== undefined || !taken || attempt === ATTEMPTS) throw error;
    }
  }
}
