const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** Reserved in MySQL 8.0.26 to 9.7 and in MariaDB 10.6 to 11: no name of anything unless quoted or next to a dot. */
export const RESERVED = words(`
  all alter analyze and as asc before between both by call case change character check collate column condition
  constraint convert create cross current_date current_time current_timestamp current_user database databases default
  delete desc describe distinct distinctrow div drop dual each else elseif escaped exists explain false fetch for force
  foreign from fulltext grant group having if ignore in index inner insert into is join key keys kill leading left
  like limit lines load localtime localtimestamp lock loop match mod natural not null on optimize option or order
  out outer outfile primary procedure read recursive references regexp release rename repeat replace require restrict
  return revoke right rlike select separator set show spatial sql straight_join table terminated then to trailing
  trigger true union unique unlock update usage use using utc_date utc_time utc_timestamp values when where while
  with write xor
`);

/** Those of them that end a FROM clause wherever they stand at its depth. */
export const CLAUSES = words('where group having order limit union for into lock procedure');

/** Reserved words that may stand before a parenthesis without calling a function. */
export const CONSTRUCTS = words(`
  all and as between by case collate distinct div else exists from group having ignore in index is join key like
  limit match mod not on or order outer rlike regexp select set straight_join table then union use using values
  when where with xor binary char character convert dec decimal double fixed float float4 float8 int integer
  numeric real varbinary varchar varcharacter if replace insert left right repeat database interval partition
  current_date current_time current_timestamp localtime localtimestamp current_user utc_date utc_time
  utc_timestamp over
`);

/** The same of words that are not reserved everywhere: if no stored function has such a name. */
export const LOOSE = words(`
  against any except intersect columns escape lateral nchar of offset recursive return row rows some sounds within xml bit datetime
  date time timestamp year signed unsigned separator rollup nested window
`);

/** Words that change data or their surroundings; in a query a false alarm, unless they call the function so named. */
export const CHANGING = words(
  'insert update delete replace truncate create drop alter grant revoke call load rename',
);

/** Words of which the parenthesis holds FROM as a word of its own, not as a clause. */
export const FROM_INSIDE = words('extract substring substr mid trim');

/** Words behind an item of FROM that are not its alias. */
export const JOINING = words(`
  join inner left right cross natural straight_join on using use ignore force partition where group having order
  limit union for into lock procedure as except intersect window set
`);
