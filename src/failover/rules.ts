import type { Rule } from './case.ts';
import * as decide from './decide.ts';
import * as detect from './detect.ts';
import * as discover from './discover.ts';
import { lifted } from './lift.ts';
import type { PhaseName } from './state.ts';
import * as tend from './tend.ts';

const { outsidePromotion, staleWriter, conflict, steppedDown, foreignPrimary } = discover;
const { released, fenced, rejoined, followed, diverged, errandDone, strangers } = tend;

/** What the nodes show of who is writable comes first; nothing of it waits for a phase. */
const office: readonly Rule[] = [outsidePromotion, staleWriter, conflict, foreignPrimary];
/** Work on the other nodes comes last. */
const tending: readonly Rule[] = [released, errandDone, fenced, rejoined, followed, strangers];
/** While replicas change branches, an old answer of theirs is no sign that they have parted. */
const others: readonly Rule[] = [diverged, ...tending];

const undecided: readonly Rule[] = [decide.returned, lifted, steppedDown, decide.recovering, decide.recanted];

/** For every phase the rules that hold in it, in order: the first that applies is taken, then again from the top. */
export const table: Readonly<Record<PhaseName, readonly Rule[]>> = {
  steady: [
    ...office,
    steppedDown,
    discover.discovered,
    lifted,
    discover.nobodyWritable,
    detect.suspected,
    ...others,
  ],
  suspect: [
    ...office,
    detect.answered,
    lifted,
    steppedDown,
    detect.starting,
    detect.gone,
    detect.unclear,
    ...others,
  ],
  confirming: [
    ...office,
    detect.answered,
    lifted,
    steppedDown,
    detect.notGone,
    detect.confirmed,
    detect.onlyHere,
    detect.noWitness,
    ...others,
  ],
  electing: [...office, ...undecided, decide.forbidden, decide.elected, decide.noCandidate, ...others],
  fencing: [
    ...office,
    ...undecided,
    decide.unrecorded,
    decide.forbidden,
    decide.candidateLost,
    decide.decided,
    decide.promote,
    ...others,
  ],
  promoting: [decide.promoted, ...office, decide.promoteAgain, decide.promotionFailed, ...others],
  repointing: [...office, steppedDown, detect.suspected, ...tending, tend.repointed],
};
