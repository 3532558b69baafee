import type { Measure } from '../contest.ts';
import { measureSysbench, type SysbenchLoad } from '../sysbench.ts';
import { counted } from './pgbench-load.ts';

/** One of sysbench's scripts by so many threads; what is counted are queries. */
export function sysbenchLoad(load: SysbenchLoad, signal: AbortSignal): Measure {
  return (aim, seconds) => measureSysbench(aim, load, seconds, signal);
}

/** E.g. `oltp_point_select, as text, 64 threads`. */
export function sysbenchTitle({ script, prepared, threads }: SysbenchLoad): string {
  return `${script}, ${prepared ? 'prepared' : 'as text'}, ${counted(threads, 'thread')}`;
}
