import type { ControlSession } from './control-session.ts';
import { isReadOnly } from './observation.ts';

const COLUMNS = { mysql: '@@global.super_read_only AS super', maria: 'NULL AS super' };

/** Whether it refuses the writes of clients. */
export async function refusesWrites(session: ControlSession): Promise<boolean> {
  const columns = session.isMaria ? COLUMNS.maria : COLUMNS.mysql;
  const [row] = await session.query(`SELECT @@global.read_only AS read_only, ${columns}`);
  return row !== undefined && isReadOnly(row);
}

/** MySQL's super_read_only brings read_only with it. It waits for running commits, as long as lock_wait_timeout. */
export async function refuseWrites(session: ControlSession): Promise<void> {
  await session.query(session.isMaria ? 'SET GLOBAL read_only = ON' : 'SET GLOBAL super_read_only = ON');
}

export async function takeWrites(session: ControlSession): Promise<void> {
  await session.query(
    session.isMaria ? 'SET GLOBAL read_only = OFF' : 'SET GLOBAL super_read_only = OFF, read_only = OFF',
  );
}
