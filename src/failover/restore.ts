import type { JournalEntry, Recorded } from './record.ts';
import { initialState, type State } from './state.ts';

/**
 * The state of a proxy that starts with a journal (I10). Pure; `at` is now. Who the primary is must be seen
 * again: the journal only says who may not be, what was decided, and when a promotion was last made.
 */
export function restore(records: readonly Recorded[], at: number): State {
  let state = initialState;
  for (const { entry, ageMs } of records) state = after(state, entry, at, at - ageMs);
  return state;
}

function after(state: State, entry: JournalEntry, at: number, writtenAt: number): State {
  const epoch = Math.max(state.epoch, entry.epoch);
  const outcasts = state.outcasts.filter((outcast) => outcast.node !== entry.node);
  switch (entry.kind) {
    case 'primary':
      return {
        ...state,
        epoch,
        outcasts,
        identity: entry.identity,
        // Its position was not recorded, so a loss cannot be bounded before it has been seen again.
        last: { node: entry.node, branch: entry.branch, position: undefined, sync: { needed: 0, listed: 0 } },
        promotedHere: entry.promoted,
        lastPromotionAt: entry.promoted ? writtenAt : state.lastPromotionAt,
        failed: undefined,
      };
    case 'decided':
      // Whether the promotion took effect is not known: it is treated as one that failed a moment ago.
      return { ...state, epoch, last: entry.old, failed: { nodes: [entry.node], refused: [], at } };
    case 'outcast': {
      const outcast = { node: entry.node, reason: entry.reason, fenced: true };
      return { ...state, epoch, outcasts: [...outcasts, outcast] };
    }
    case 'released':
      return {
        ...state,
        epoch,
        outcasts,
        failed: state.failed?.nodes.includes(entry.node) ? undefined : state.failed,
      };
  }
}
