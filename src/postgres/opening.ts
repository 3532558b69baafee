import type { Plan } from '../core/wire.ts';
import type { PostgresUnit } from './finder.ts';
import { message } from './messages.ts';
import { type Step, SteppedReply } from './steps.ts';

const NOTHING = Buffer.alloc(0);
const SWALLOWED: Step = { take: 'swallow' };
/** ParseComplete, BindComplete, CommandComplete. */
const BEGUN: readonly Step[] = [SWALLOWED, SWALLOWED, SWALLOWED];
const ZERO = Buffer.alloc(1);
/** No portal name, no statement name, no formats, no values, no result formats; any number of rows. */
const BIND = message('B', Buffer.alloc(8));
const EXECUTE = message('E', Buffer.alloc(5));
const SYNC = message('S', NOTHING);

/**
 * A unit right behind the BEGIN that was held back. The BEGIN goes by the extended protocol without a Sync: if it
 * fails, the server passes over all that follows up to the next Sync (manual 54.2.3), a Query too. A unit of the
 * extended protocol brings one; for another one it is sent when the error has come.
 */
export function behindBegin(begin: Buffer, unit: PostgresUnit, { bytes, expect }: Plan): Plan {
  const own = expect instanceof SteppedReply ? expect.steps : [];
  const mend = unit.shape === 'extended' ? undefined : { steps: BEGUN.length, bytes: SYNC };
  return {
    bytes: Buffer.concat([message('P', ZERO, begin, ZERO, TYPES), BIND, EXECUTE, bytes]),
    expect: new SteppedReply([...BEGUN, ...own], mend),
  };
}

/** No parameter types. */
const TYPES = Buffer.alloc(2);
