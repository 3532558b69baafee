/** Function names that a configuration declares free of effects, and others that it does not trust. */
export interface FunctionLists {
  readonly allow: ReadonlySet<string>;
  readonly deny: ReadonlySet<string>;
}

const known = new WeakMap<FunctionLists, number>();
const byContent = new Map<string, number>();

/** A small number for these lists; the same one for lists of the same names. Grows with configurations, not clients. */
export function listsId(lists: FunctionLists): number {
  let id = known.get(lists);
  if (id !== undefined) return id;
  const content = JSON.stringify([[...lists.allow].sort(), [...lists.deny].sort()]);
  id = byContent.get(content) ?? byContent.size + 1;
  byContent.set(content, id);
  known.set(lists, id);
  return id;
}
