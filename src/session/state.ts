import type { Catalogue } from '../core/catalogue.ts';
import type { FunctionLists } from '../core/function-lists.ts';
import type { Begin, Intent, PinReason } from '../core/intent.ts';
import { changed, type SettingChange, type Settings, without } from '../core/settings.ts';
import type {
  AuditResult,
  Greeting,
  Login,
  Outcome,
  SessionFacts,
  TransactionStatus,
  Unit,
} from '../core/wire.ts';
import type { Account } from '../pool/accounts.ts';
import type { Link } from '../pool/link.ts';
import { ownSettings } from './own-settings.ts';
import { auditSees, keepsState } from './pins.ts';
import type { Realm } from './realm.ts';
import type { Transaction } from './transaction.ts';

const NO_PINS: readonly PinReason[] = [];

/**
 * What makes a session the same on whichever link it runs: its settings, its transaction, and what keeps it where
 * it is.
 */
export class SessionState implements SessionFacts {
  readonly login: Login;
  readonly account: Account;
  readonly greeting: Greeting;
  settings: Settings;
  status: TransactionStatus = 'idle';
  transaction: Transaction | undefined;
  /** Something ran that may have left state which only the server can tell. */
  auditDue = false;
  /** The client has been told of parameters that are not those of its session. */
  misled = false;
  readonly #realm: Realm;
  #pins: readonly PinReason[] = NO_PINS;
  /** The open transaction has changed the schema. */
  #schemaChanged = false;

  constructor(realm: Realm, login: Login, account: Account, greeting: Greeting) {
    this.#realm = realm;
    this.login = login;
    this.account = account;
    this.greeting = greeting;
    this.settings = login.settings;
    if (realm.mode(login.user) === 'session') this.setPin('session-pooling');
  }

  get catalogue(): Catalogue | undefined {
    return this.account.catalogue;
  }

  get functions(): FunctionLists {
    return this.#realm.functions;
  }

  /** What of its settings must hold on a link that it shares. */
  get shared(): Settings {
    return without(this.settings, this.#realm.wire.cosmetic);
  }

  /** Nothing of it would be left on a link, or is missed there. */
  get isPlain(): boolean {
    return this.status === 'idle' && this.#pins.length === 0 && !this.auditDue && !this.misled;
  }

  get inTransaction(): boolean {
    return this.status !== 'idle';
  }

  /** A server has the open transaction. */
  get isOpenOnServer(): boolean {
    return this.status !== 'idle' && this.transaction?.held === undefined;
  }

  /** What keeps the session where it is; the oldest reason of several. */
  get pin(): PinReason | undefined {
    return this.#pins[0];
  }

  get keepsState(): boolean {
    return keepsState(this.#pins);
  }

  // ------------------------------------------------------------ transactions that no server knows

  /** A BEGIN is answered by the proxy and held back. */
  holdBegin(unit: Unit, begin: Begin): void {
    this.transaction = { held: { unit, begin }, failedHere: false, settingsBefore: this.settings };
    this.status = 'transaction';
  }

  /** The proxy refuses a statement of the open transaction, if there is one: only its end is taken from here on. */
  failHere(): void {
    if (this.transaction === undefined || !this.#realm.wire.errorFailsTransaction) return;
    const before = this.transaction.settingsBefore;
    this.transaction = { held: undefined, failedHere: true, settingsBefore: before };
    this.settings = before;
    this.status = 'failed';
  }

  endHere(): void {
    this.transaction = undefined;
    this.status = 'idle';
  }

  /** All that the session has is given up, and no server has anything of it. */
  resetHere({ settings }: Intent): void {
    this.endHere();
    this.settings = changed(this.login.settings, settings);
  }

  #reset(link: Link, { settings }: Intent): void {
    link.settings = link.server.remaining(link.settings);
    this.settings = changed(this.login.settings, settings);
    this.#dropPins((pin) => pin !== 'session-pooling');
  }

  // ------------------------------------------------------------ what a unit has changed

  /** Keeps what a completed unit changed. */
  complete(link: Link, intent: Intent, outcome: Outcome): void {
    const { status, error } = outcome;
    this.#enter(status);
    const known = error === '' ? [...intent.settings, ...outcome.changes] : outcome.changes;
    if (known.length > 0) this.#report(link, known);
    if (status === 'idle' && this.transaction !== undefined) {
      this.#transactionOver(link, this.transaction.settingsBefore, intent, outcome);
    }
    if (intent.pin !== undefined) {
      // What an error has spared (a lock outlives it) is asked, unless no view shows it.
      if (error !== '' && this.#realm.wire.audits && auditSees(intent.pin)) this.auditDue = true;
      else this.setPin(intent.pin);
    }
    if (intent.failurePin !== undefined && error !== '') this.setPin(intent.failurePin);
    if (outcome.pin !== undefined) this.setPin(outcome.pin);
    if (intent.unpin !== undefined && error === '') this.#dropPins((pin) => pin === intent.unpin);
    if (intent.resets === true && error === '') this.#reset(link, intent);
    if (intent.audit || (outcome.settingChanged && intent.settings.length === 0)) this.auditDue = true;
  }

  /** What a server has said when it was asked something else, right behind a unit. */
  learned(link: Link, { status, changes, pin }: Outcome): void {
    this.#enter(status);
    if (status === 'idle') this.transaction = undefined;
    if (changes.length > 0) this.#report(link, changes);
    if (pin !== undefined) this.setPin(pin);
  }

  #enter(status: TransactionStatus): void {
    if (status !== 'idle' && this.status === 'idle' && this.transaction === undefined) {
      this.transaction = { held: undefined, failedHere: false, settingsBefore: this.settings };
    }
    this.status = status;
  }

  /** Settings as they are now; one that was taken away does not come back as it was at start-up. */
  #report(link: Link, changes: readonly SettingChange[]): void {
    this.setSettings(link, changed(link.settings, changes));
    if (this.#realm.wire.settingsRollBack) return;
    const gone = changes.filter(({ value }) => value === null);
    if (gone.length > 0) this.settings = changed(this.settings, gone);
  }

  /** A rollback puts the settings back. Where more ran than the end itself, the server is asked what holds. */
  #transactionOver(link: Link, before: Settings, intent: Intent, outcome: Outcome): void {
    this.transaction = undefined;
    if (!this.#realm.wire.settingsRollBack) return;
    if (this.settings === before && link.settings === before) return;
    if (intent.kind !== 'end') this.auditDue = true;
    if (outcome.rolledBack || outcome.error !== '') this.setSettings(link, before);
  }

  /** `left`: what holds on the link. */
  setSettings(link: Link, left: Settings): void {
    link.settings = left;
    this.settings = ownSettings(left, this.login.settings);
    if (link.settings !== this.settings) this.misled = true;
  }

  /** Nothing may follow this unit before its end is known: it may undo what the session asked for at start-up. */
  mayReset(intent: Intent): boolean {
    const { values } = this.login.settings;
    if (values.size === 0) return false;
    if (intent.kind === 'session' && intent.audit) return true;
    return intent.settings.some(({ name, value }) => value === null && values.has(name));
  }

  /** A change of the schema is seen by others at its COMMIT: the catalogue is read again then. */
  noteNames({ names }: Intent): void {
    if (names === 'changed') this.#schemaChanged = true;
    // The names of temporary tables are in no catalogue, however often it is read.
    else if (names === 'missed' && !this.#pins.includes('temporary-object'))
      this.#realm.stale(this.account, 'missed');
    if (!this.#schemaChanged || (names !== 'changed' && this.inTransaction)) return;
    this.#realm.stale(this.account, 'changed');
    if (!this.inTransaction) this.#schemaChanged = false;
  }

  // ------------------------------------------------------------ pins

  setPin(reason: PinReason): void {
    if (this.#pins.includes(reason)) return;
    this.#pins = [...this.#pins, reason];
    this.#realm.counters.pinned(reason).count++;
    this.#realm.emit({ kind: 'pinned', reason, user: this.login.user, database: this.login.database });
  }

  unpin(): void {
    this.#dropPins(() => true);
  }

  #dropPins(which: (pin: PinReason) => boolean): void {
    const kept = this.#pins.filter((pin) => !which(pin));
    if (kept.length === this.#pins.length) return;
    for (const pin of this.#pins) if (which(pin)) this.#realm.counters.pinned(pin).count--;
    this.#pins = kept.length === 0 ? NO_PINS : kept;
  }

  /** What an audit has found on the link. */
  audited(link: Link, found: AuditResult): void {
    this.setSettings(link, found.settings);
    this.#dropPins((pin) => auditSees(pin) && pin !== found.pin);
    if (found.pin !== undefined) this.setPin(found.pin);
  }

  /** What was left stays unknown, so the session stays where it is until it can be asked. */
  notAudited(): void {
    this.auditDue = true;
    this.setPin('not-audited');
  }
}
