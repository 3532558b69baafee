/** What stands between one pair of parentheses, for `Proof`. */
export class Frame {
  /** The word before the parenthesis; '' if there is none. */
  readonly opener: string;
  /** The parenthesis is an item of a FROM clause. */
  readonly item: boolean;
  /** It holds the query of this name, in a WITH of the frame around; '' if not. */
  readonly cte: string;
  /** In a FROM clause: a comma begins another item. */
  clause = false;
  /** An item of a FROM clause comes next. */
  expect = false;
  /** An alias may come next. */
  alias = false;
  /** It is a query. */
  select = false;
  /** Names that a WITH has defined here, for this frame and those inside; in lower case. */
  names: Set<string> | undefined;
  /** In the list of a WITH: a comma may begin another name. */
  listing = false;
  recursive = false;

  constructor(opener: string, item = false, cte = '') {
    this.opener = opener;
    this.item = item;
    this.cte = cte;
  }
}
