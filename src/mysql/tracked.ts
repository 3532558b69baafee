import { type SettingChange, type Settings, settingsOf } from '../core/settings.ts';
import type { Report } from './ok-packet.ts';
import type { ReplyState } from './reply-state.ts';
import { MULTI, SCHEMA } from './settings.ts';

/** Reported and nobody's setting: counters of the server's own, and the trackers themselves. */
const NOBODYS = /^(?:statement_id|last_gtid|session_track_.*)$/;

/**
 * Variables that count for what comes next, or whose report is not what holds: they cannot be carried over. What
 * LAST_INSERT_ID() gives is the session's own business.
 */
const NOT_CARRIED: ReadonlySet<string> = new Set([
  'timestamp',
  'insert_id',
  'rand_seed1',
  'rand_seed2',
  'pseudo_thread_id',
  'pseudo_slave_mode',
  'pseudo_replica_mode',
  'gtid_next',
  'gtid_seq_no',
  'gtid_domain_id',
  'server_id',
  'sql_log_bin',
  'skip_replication',
  'original_commit_timestamp',
  'original_server_version',
  'immediate_server_version',
  // The next USE sets them, and with it every link that is made to have the schema.
  'character_set_database',
  'collation_database',
]);
const INSERT_ID: ReadonlySet<string> = new Set(['last_insert_id', 'identity']);

/** A variable that is set takes another one along, of which trackers say nothing. */
const TAKES_ALONG: ReadonlyMap<string, string> = new Map([
  ['character_set_server', 'collation_server'],
  ['collation_server', 'character_set_server'],
  ['character_set_database', 'collation_database'],
  ['collation_database', 'character_set_database'],
  ['tx_isolation', 'transaction_isolation'],
  ['transaction_isolation', 'tx_isolation'],
  ['tx_read_only', 'transaction_read_only'],
  ['transaction_read_only', 'tx_read_only'],
]);

/** The connection's character set is told by its collation alone; each of the two sets the other. */
const CHARSET = 'character_set_connection';
const COLLATION = 'collation_connection';

/** The settings of one link, as its trackers have reported them. */
export class Tracked implements Report {
  readonly #now = new Map<string, string>();
  #reply: ReplyState | undefined;
  #settingsOnly = false;
  /** Of the report that is read. */
  readonly #names = new Set<string>();
  #charset = false;

  /** Reads the next report for a reply. `settingsOnly`: a change of state says nothing beyond it. */
  begin(reply: ReplyState, settingsOnly: boolean): void {
    this.#reply = reply;
    this.#settingsOnly = settingsOnly;
    this.#charset = false;
    if (this.#names.size > 0) this.#names.clear();
  }

  variable(name: string, value: string): void {
    if (name === CHARSET) this.#charset = true;
    else if (NOT_CARRIED.has(name)) this.#reply?.keep('session-setting');
    else if (!INSERT_ID.has(name) && !NOBODYS.test(name)) this.#change({ name, value });
  }

  schema(name: string): void {
    this.#change({ name: SCHEMA, value: name === '' ? null : name });
  }

  state(): void {
    if (!this.#settingsOnly) this.#reply?.keep('session-state');
  }

  /** The report has been read. */
  end(): void {
    const reply = this.#reply;
    if (reply === undefined) return;
    if (this.#names.has(COLLATION)) reply.collationUnknown = false;
    else if (this.#charset) reply.collationUnknown = true;
    for (const name of this.#names) {
      const along = TAKES_ALONG.get(name);
      if (along !== undefined && !this.#names.has(along) && this.#now.delete(along)) {
        reply.changes.push({ name: along, value: null });
      }
    }
  }

  #change(change: SettingChange): void {
    const { name, value } = change;
    this.#names.add(name);
    if (value === null) this.#now.delete(name);
    else this.#now.set(name, value);
    this.#reply?.changes.push(change);
  }

  /** The server was told, and does not report it. */
  told(name: string, value: string | null): void {
    if (value === null) this.#now.delete(name);
    else this.#now.set(name, value);
  }

  get(name: string): string | undefined {
    return this.#now.get(name);
  }

  get settings(): Settings {
    return settingsOf(this.#now);
  }

  /** The connection was reset. */
  reset(): void {
    for (const name of this.#now.keys()) if (!OUTLASTS.has(name)) this.#now.delete(name);
  }
}

/** COM_RESET_CONNECTION leaves these as they are. */
const OUTLASTS: ReadonlySet<string> = new Set([SCHEMA, MULTI]);

/** What is left of a link's settings after COM_RESET_CONNECTION. */
export function outlasting(settings: Settings): Settings {
  return settingsOf([...settings.values].filter(([name]) => OUTLASTS.has(name)));
}
