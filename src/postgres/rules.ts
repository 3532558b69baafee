/**
 * Why a statement goes where it goes: stable ids (metric labels, `explain`, docs/routing.md) and what they
 * say. R: a read. T: begins or ends a transaction. S: about the session. W: the primary. U: not understood,
 * the primary.
 */
export const RULES = {
  R01: 'a single plain read: every name in it is known to have no effect',
  R02: 'it explains a read',
  R03: 'it copies the rows of a read to the client',
  T01: 'it begins a transaction',
  T02: 'it ends a transaction',
  T03: 'it does more to a transaction than begin or end it (chain, two phases, options that are not known)',
  S01: "it changes the session's own settings",
  S02: 'it shows a setting',
  S03: 'it is about a savepoint or a mode of the running transaction',
  S04: 'it is about a cursor of the running transaction',
  S05: 'it gives back state of the session',
  S06: 'it is empty',
  W01: 'it contains a word that changes data',
  W02: 'it locks rows',
  W03: 'it stores what it reads (INTO)',
  W04: 'it is not one of the statements that can be a read',
  W05: 'it calls a function with an effect',
  W06: 'it asks about one server or one server session',
  W07: 'it calls a function that is not known to be without effect',
  W08: 'it reads something that is not known to be a plain table',
  W09: 'it reads the catalogue or the statistics of one server',
  W10: 'a name in it calls a function of the database with possible effects',
  W11: 'it converts to a type that may run code of the database',
  W12: 'it is several statements that belong together, and not all of them are reads',
  W13: 'it runs a statement that was prepared elsewhere',
  W14: 'the configuration sends this function to the primary',
  W15: "the session's transactions are serializable",
  W16: 'it leaves state in the session that only the primary is to hold',
  U01: 'it cannot be read with certainty: open quote or parenthesis, unusual character or name',
  U02: "the client's encoding does not keep ASCII bytes apart",
  U03: 'what the names mean is not known: the catalogue of the database has not been read',
} as const;

export type RuleId = keyof typeof RULES;
