import type { EngineName } from '../../src/demo/cluster.ts';
import type { Measure } from '../contest.ts';
import { measure } from '../pgbench.ts';
import { Sleepers } from '../sleepers.ts';
import { measureSysbench } from '../sysbench.ts';

/** Clients that make long reads, and clients that make short ones beside them. */
export const LONG = 8;
export const SHORT = 16;

/** Point selects beside long reads that wait and burn no processor time; what counts are the short ones alone. */
export function mixedLoad(engine: EngineName, signal: AbortSignal): Measure {
  return async (aim, seconds) => {
    await using sleepers = await Sleepers.start(engine, aim, LONG);
    const count =
      engine === 'postgres'
        ? await measure(
            aim,
            { work: 'select', protocol: 'simple', clients: SHORT, seconds, sampled: 1 },
            signal,
          )
        : await measureSysbench(
            aim,
            { script: 'oltp_point_select', prepared: false, threads: SHORT },
            seconds,
            signal,
          );
    sleepers.throwIfFailed();
    return count;
  };
}

export const MIXED_TITLE = `point selects of ${SHORT} clients beside ${LONG} clients of 200 ms reads`;
