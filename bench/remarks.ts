import type { TrialId } from './bars.ts';

/**
 * Why a bar is missed, or what a reader of a measure must know, in a sentence or two; keyed `trial reading` as
 * in bars.ts. They are kept by hand and stand in the page beside the measure.
 */
export const REMARKS: Readonly<Partial<Record<`${TrialId} ${string}`, string>>> = {};
