/**
 * A session's settings: lower-case names and their values. Immutable and interned: equal settings are
 * the same object, so that thousands of idle clients share one, and equality is `===`.
 */
export interface Settings {
  readonly values: ReadonlyMap<string, string>;
  /** Equal for equal settings. */
  readonly fingerprint: string;
}

/** One step: a value for a name, or null for the server's default. */
export interface SettingChange {
  readonly name: string;
  readonly value: string | null;
}

const interned = new Map<string, WeakRef<Settings>>();
const forgotten = new FinalizationRegistry<string>((fingerprint) => {
  if (interned.get(fingerprint)?.deref() === undefined) interned.delete(fingerprint);
});

/** The one object for these values. */
export function settingsOf(values: Iterable<readonly [string, string]>): Settings {
  const sorted = [...values].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const fingerprint = JSON.stringify(sorted);
  const known = interned.get(fingerprint)?.deref();
  if (known !== undefined) return known;
  const settings: Settings = { values: new Map(sorted), fingerprint };
  interned.set(fingerprint, new WeakRef(settings));
  forgotten.register(settings, fingerprint);
  return settings;
}

export const noSettings: Settings = settingsOf([]);

/** These settings after some changes. */
export function changed(settings: Settings, changes: readonly SettingChange[]): Settings {
  if (changes.length === 0) return settings;
  const values = new Map(settings.values);
  for (const { name, value } of changes) {
    if (value === null) values.delete(name);
    else values.set(name, value);
  }
  return settingsOf(values);
}

/** What turns `from` into `to`. */
export function difference(from: Settings, to: Settings): SettingChange[] {
  if (from === to) return [];
  const changes: SettingChange[] = [];
  for (const name of from.values.keys()) if (!to.values.has(name)) changes.push({ name, value: null });
  for (const [name, value] of to.values) if (from.values.get(name) !== value) changes.push({ name, value });
  return changes;
}

const reduced = new WeakMap<ReadonlySet<string>, WeakMap<Settings, Settings>>();

/** These settings but for some names; the same object for the same settings. */
export function without(settings: Settings, names: ReadonlySet<string>): Settings {
  if (names.size === 0 || settings.values.size === 0) return settings;
  let known = reduced.get(names);
  if (known === undefined) {
    known = new WeakMap();
    reduced.set(names, known);
  }
  let rest = known.get(settings);
  if (rest === undefined) {
    rest = settingsOf([...settings.values].filter(([name]) => !names.has(name)));
    known.set(settings, rest);
  }
  return rest;
}
