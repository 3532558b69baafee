import type { SettingChange } from '../core/settings.ts';

/** Whose rights a statement runs with: put back first and set last, so that they allow the other changes. */
const IDENTITY = new Set(['role', 'session_authorization']);

/**
 * The text that makes these changes on a server connection: one simple query, so that it takes effect whole
 * or not at all.
 */
export function adjustText(changes: readonly SettingChange[]): string {
  const rights = changes.filter((change) => IDENTITY.has(change.name));
  const others = changes.filter((change) => !IDENTITY.has(change.name));
  const statements = rights.map(({ name }) => `RESET ${quoteName(name)}`);
  for (const { name, value } of others) {
    statements.push(value === null ? `RESET ${quoteName(name)}` : setText(name, value));
  }
  // The authorization of the session before the role: setting it puts the role back.
  for (const name of ['session_authorization', 'role']) {
    const value = rights.find((change) => change.name === name)?.value ?? null;
    if (value !== null) statements.push(setText(name, value));
  }
  return statements.join(';');
}

/**
 * True if a failure of these changes could only alter how the session is shown, so that the unit may be sent
 * without waiting. All others are awaited: a unit behind a failed SET would run with another's rights.
 */
export function formatsOnly(changes: readonly SettingChange[]): boolean {
  return changes.every((change) => change.name === 'application_name');
}

const setText = (name: string, value: string): string =>
  `SELECT pg_catalog.set_config(${quoteText(name)},${quoteText(value)},false)`;

/** `a.b` names are two identifiers. */
const quoteName = (name: string): string =>
  name
    .split('.')
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.');

/** A literal that reads the same with and without standard_conforming_strings. */
export function quoteText(text: string): string {
  const doubled = text.replaceAll("'", "''");
  return text.includes('\\') ? ` E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`;
}
