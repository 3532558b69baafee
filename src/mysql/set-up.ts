import { isMariaDb } from './collations.ts';

/** What the collation of a log-in sets. */
const SPOKEN = ['character_set_client', 'character_set_results', 'collation_connection'];

/**
 * The statement that makes a link report all that changes in its session; what a session is put back by undoes it.
 * GTIDs and transactions are not read from reports, whatever the server's own default. `fresh`: it takes back what the
 * link's own log-in has set, so that it holds the server's defaults, as after a reset.
 */
export function setUpStatement(version: string, fresh = false): string {
  const settings = [
    ...(fresh ? SPOKEN.map((name) => `${name}=DEFAULT`) : []),
    "session_track_system_variables='*'",
    'session_track_schema=ON',
    'session_track_state_change=ON',
    "session_track_transaction_info='OFF'",
    ...(isMariaDb(version) ? [] : ["session_track_gtids='OFF'"]),
  ];
  return `SET ${settings.map((setting) => `SESSION ${setting}`).join(', ')}`;
}

/**
 * What a new link is asked: defaults of a session that only the server knows, with the text that its trackers
 * report. `autocommit`, `…read_only` and the like are switches: a query gives 1 and 0 where a tracker says ON and OFF.
 */
const ASKED = [
  'sql_mode',
  'time_zone',
  'character_set_client',
  'character_set_connection',
  'character_set_results',
  'character_set_database',
  'character_set_server',
  'collation_connection',
  'collation_database',
  'collation_server',
  'lower_case_table_names',
  'version_comment',
  'max_allowed_packet',
  'auto_increment_increment',
  'wait_timeout',
  'interactive_timeout',
];
const SWITCHES = ['autocommit'];

/** MariaDB has had the newer names since 11.1 only, and keeps the older. */
const ISOLATION = { newer: 'transaction_isolation', older: 'tx_isolation' };
const READ_ONLY = { newer: 'transaction_read_only', older: 'tx_read_only' };

const namesOf = (version: string): { asked: string[]; switches: string[] } => {
  const which = isMariaDb(version) ? 'older' : 'newer';
  return { asked: [...ASKED, ISOLATION[which]], switches: [...SWITCHES, READ_ONLY[which]] };
};

/** The question for the defaults; `defaultsIn` reads its only row. */
export function defaultsQuery(version: string): string {
  const { asked, switches } = namesOf(version);
  return `SELECT ${[...asked, ...switches].map((name) => `@@${name}`).join(', ')}`;
}

/** Defaults by lower-case names, isolation under both of its names, with `version`. */
export function defaultsIn(row: readonly (string | null)[], version: string): Map<string, string> {
  const { asked, switches } = namesOf(version);
  const parameters = new Map([['version', version]]);
  for (const [at, name] of [...asked, ...switches].entries()) {
    const value = row[at] ?? '';
    parameters.set(name, switches.includes(name) ? (value === '1' ? 'ON' : 'OFF') : value);
  }
  for (const { newer, older } of [ISOLATION, READ_ONLY]) {
    const value = parameters.get(newer) ?? parameters.get(older) ?? '';
    parameters.set(newer, value).set(older, value);
  }
  return parameters;
}
