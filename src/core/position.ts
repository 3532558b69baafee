declare const brand: unique symbol;

/**
 * A point in a node's replication history, as its engine writes it (LSN with timeline, GTID set).
 * Opaque text, so that it travels between processes as plain JSON. Only the engine's
 * `Positions.compare` may order two of them: GTID sets are partly ordered and timelines fork.
 */
export type Position = string & { readonly [brand]: 'position' };

/** How one position stands to another. `diverged`: neither history contains the other. */
export type Order = 'before' | 'equal' | 'after' | 'diverged';

/** Marks text that an engine has made as a position. */
export const position = (text: string): Position => text as Position;
