import type { Score } from './contest.ts';
import { figure, median, pairedRatio, table, times } from './figures.ts';
import type { Say } from './say.ts';

/** Processor time and throughput of all contestants, beside the peer whose name begins so. */
export function costTable(scores: readonly Score[], peerName: string): string {
  const direct = scores.find(({ name }) => name === 'direct');
  const peer = cheapest(scores, peerName);
  const head = ['contestant', 'a second', 'of direct', 'CPU each (µs)', `of ${peerName}`, 'rounds (µs)'];
  const rows = scores.map(({ name, tps, cost: costs }) => [
    name,
    figure(median(tps)),
    times(pairedRatio(tps, direct?.tps ?? [])),
    figure(median(costs), 1),
    times(pairedRatio(costs, peer?.cost ?? [])),
    costs.some(Number.isFinite) ? costs.map((one) => figure(one, 1)).join(' ') : '–',
  ]);
  return table(head, rows);
}

/** The peer that needs least; the others are shown only. */
function cheapest(scores: readonly Score[], peerName: string): Score | undefined {
  const peers = scores.filter(({ name }) => name.startsWith(peerName));
  return peers.sort((a, b) => median(a.cost) - median(b.cost))[0];
}

/** Holds the like-for-like run against the bar; true where there is nothing to hold it against. */
export function judge(scores: readonly Score[], peerName: string, bar: number, say: Say): boolean {
  const peer = cheapest(scores, peerName);
  if (peer === undefined) return true;
  const ours = scores.find(({ name }) => name.endsWith('primary'));
  const ratio = pairedRatio(ours?.cost ?? [], peer.cost);
  const met = ratio <= bar;
  say(
    `\n${met ? 'met' : 'MISSED'}: ${times(ratio)} of ${peer.name} per query, like for like; the bar is ${times(bar)}`,
  );
  return met;
}
