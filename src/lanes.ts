import type { ClusterConfig } from './config/config.ts';
import type { Company } from './core/company.ts';
import type { Login } from './core/wire.ts';

/** Whose plain reads may share server connections, by configuration: off anywhere is off. */
export function lanesOf({
  pool,
  users,
  databases,
}: ClusterConfig): (login: Pick<Login, 'user' | 'database'>) => boolean {
  const apart = new Set(users.filter(({ lanes }) => lanes === false).map(({ name }) => name));
  const closed = new Set(databases.filter(({ lanes }) => !lanes).map(({ name }) => name));
  return ({ user, database }) => pool.lanes && !apart.has(user) && !closed.has(database);
}

/** Whether a statement on a database may share a server connection, the configuration included. */
export function laneIn(config: ClusterConfig, database: string, lane: Company): Company {
  if (lane.may === 'no') return lane;
  const { pool, users } = config;
  const off = (because: string): Company => ({ ...lane, may: 'no', because });
  if (!pool.lanes) return off('pool.lanes is false');
  const shares = lanesOf(config);
  // No user is called so: what is left is the database.
  if (!shares({ user: '', database })) return off(`lanes of the database ${database} is false`);
  const sharing = users.filter(
    ({ name, pooling = pool.mode }) => pooling === 'transaction' && shares({ user: name, database }),
  );
  if (sharing.length === 0) return off('every user has lanes: false or session pooling');
  if (sharing.length === users.length) return lane;
  const apart = users.filter((user) => !sharing.includes(user)).map(({ name }) => name);
  return {
    ...lane,
    because: `${lane.because}; not for ${apart.join(', ')}: lanes: false or session pooling`,
  };
}
