/** SET TRANSACTION statements, in their order, and what they ask for together. */
export interface Held {
  readonly texts: readonly Buffer[];
  readonly serializable: boolean;
  readonly readOnly: boolean;
}

export const NONE_HELD: Held = { texts: [], serializable: false, readOnly: false };
