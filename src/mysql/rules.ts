/**
 * Why a statement goes where it goes: stable ids (metric labels, `explain`, docs/routing.md) and what they
 * say. R: a read. T: begins or ends a transaction. S: about the session. W: the primary. U: not understood,
 * the primary. An id that the other engine has too means the same there.
 */
export const MYSQL_RULES = {
  R01: 'a single plain read: every name in it is known to have no effect',
  R02: 'it explains a read',
  T01: 'it begins a transaction',
  T02: 'it ends a transaction',
  T03: 'it does more to a transaction than begin or end it (chain, release, two phases, options that are not known)',
  S01: "it changes the session's own settings",
  S02: 'it shows a setting, or what there is on the server',
  S03: 'it is about a savepoint or a mode of the running or next transaction',
  S06: 'it is empty',
  S07: 'the session itself knows the answer',
  S08: 'it ends another session, or what that one runs',
  W01: 'it contains a word that changes data',
  W02: 'it locks rows, or takes a number from a sequence',
  W03: 'it stores what it reads (INTO)',
  W04: 'it is not one of the statements that can be a read',
  W05: 'it calls a function with an effect',
  W06: 'it asks about one server or one server session',
  W07: 'it calls a function that is not known to be without effect',
  W08: 'it reads something that is not known to be a plain table',
  W09: 'it reads the catalogue or the statistics of one server',
  W10: 'it calls a stored function',
  W12: 'it is several statements that belong together, and not all of them are reads',
  W13: 'it runs a statement that was prepared elsewhere',
  W14: 'the configuration sends this function to the primary',
  W15: "the session's transactions are serializable",
  W16: 'it leaves state in the session that only the primary is to hold',
  W17: 'autocommit is off: it begins a transaction',
  W18: 'it uses a user variable',
  W19: 'a hint in it changes settings or resources for the statement',
  U01: 'it cannot be read with certainty: open quote or parenthesis, unusual character or name',
  U02: "the client's character set does not keep ASCII bytes apart, or the sql_mode is another language",
  U03: 'what the names mean is not known: the catalogue of the server has not been read, or no schema is chosen',
  U04: 'it has executable comments, and is not a read under every reading of them',
} as const;

export type RuleId = keyof typeof MYSQL_RULES;
