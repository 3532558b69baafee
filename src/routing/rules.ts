/**
 * Why a unit goes where it goes, beyond what it says itself: stable ids, the label of the routing metric,
 * documented in docs/routing.md.
 */
export const ROUTE_RULES = {
  C01: 'the session wrote, and no replica is known to have that write yet',
  C02: 'the replica the session has read from is not eligible now, and another one may be behind it',
  H01: 'a hint asks for the primary',
  N01: 'no replica is eligible',
  N02: 'the session is pinned, a replica could not serve it, or the schema is changing',
  N03: 'reads go to the primary by configuration',
  N04: 'its transaction was not declared READ ONLY, or is serializable',
} as const;
