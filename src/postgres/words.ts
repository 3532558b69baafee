const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** Reserved in versions 13 to 18: cannot be a name of anything unless quoted or behind a dot or AS. */
export const RESERVED = words(`
  all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create
  current_catalog current_date current_role current_time current_timestamp current_user default deferrable
  desc distinct do else end except false fetch for foreign from grant group having in initially intersect into
  lateral leading limit localtime localtimestamp not null offset on only or order placing primary references
  returning select session_user some symmetric table then to trailing true union unique user using variadic
  when where window with
`);

/** Words other than the reserved ones that stand before a parenthesis without calling a function. */
export const CONSTRUCTS = words(`
  by coalesce columns cube exists extract filter greatest grouping ilike is json json_array json_arrayagg
  json_exists json_object json_objectagg json_query json_scalar json_serialize json_value key least like
  materialized normalize nullif over overlaps overlay passing position precision repeatable rollup row rows
  sets similar substring trim values within xmlattributes xmlconcat xmlelement xmlexists xmlforest
  xmlnamespaces xmlparse xmlpi xmlroot xmlserialize between escape join full inner outer cross natural
  varying character char nchar national dec decimal float real bit varchar numeric interval time timestamp
  int integer bigint smallint boolean set conflict insert zone system bernoulli depth breadth
`);

/** Words that change data or their surroundings; in a query a false alarm. */
export const CHANGING = words('insert update delete merge truncate create drop alter grant revoke call do');

/** Reserved words that end a FROM clause wherever they stand at its depth (GROUP does only before BY). */
export const CLAUSES = words('where having window union intersect except order limit offset fetch');

/** Words behind a FROM item that are not its alias. */
export const JOINING = words(`
  join inner left right full cross natural on using tablesample where group having window union intersect
  except order limit offset fetch for with set when returning select
`);

/** Words of which the first parenthesis holds FROM as a word of its own, not as a clause. */
export const FROM_INSIDE = words('extract substring trim overlay position');

/** Words that may stand right before a string constant without being the name of its type. */
export const BEFORE_STRING = words(`
  like ilike to similar escape zone uescape precision varying between path by is isnull notnull over values
  binary passing content document value key
`);
