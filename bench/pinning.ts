import type { Arena } from './arena.ts';
import type { Contestant } from './contest.ts';
import { ownCores, pin, withDescendants } from './kernel.ts';

/** Takes the pinning back. */
export type Unpin = () => void;

/**
 * Ties the servers, and this process with the clients that it starts, to one core, and the proxies to another
 * one. A text says in words why that cannot be done here.
 */
export function pinApart({ cluster }: Arena, contestants: readonly Contestant[]): Unpin | string {
  const cores = ownCores();
  const [first, second] = cores;
  if (first === undefined || second === undefined) return 'there is only one core';
  const servers = (): number[] =>
    cluster.nodes.flatMap(({ pid }) => (pid === undefined ? [] : withDescendants(pid)));
  const proxies = contestants.flatMap(({ process: proxy }) => proxy?.pids ?? []);
  try {
    pin([process.pid, ...servers()], String(first));
    pin(proxies, String(second));
    return () => pin([process.pid, ...servers(), ...proxies], cores.join(','));
  } catch (error) {
    return `taskset refused: ${error instanceof Error ? error.message.split('\n')[0] : error}`;
  }
}
