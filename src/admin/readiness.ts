import type { ClusterStatus } from './sources.ts';

/** Why traffic should not be sent here yet, in words; empty: it may come. */
export function notReady(clusters: readonly ClusterStatus[]): string[] {
  if (clusters.length === 0) return ['no cluster has been started yet'];
  return clusters.flatMap(({ name, listening, address, view }) => {
    const reasons: string[] = [];
    if (!listening) reasons.push(`cluster ${name} does not take clients on ${address}`);
    if (view.nodes.length === 0) reasons.push(`cluster ${name} has not been seen yet`);
    else if (!view.nodes.some(({ state }) => state === 'up')) {
      const states = view.nodes.map(({ id, state, reason }) => `${id} is ${state}${reason && `: ${reason}`}`);
      reasons.push(`cluster ${name} has no usable node (${states.join('; ')})`);
    }
    return reasons;
  });
}
