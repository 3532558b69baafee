import { changed, type Settings } from '../core/settings.ts';

/**
 * A session's settings, from those that its last unit left on its link: a reset gives a link the server's
 * defaults, and a session what it asked for at start-up.
 */
export function ownSettings(left: Settings, startup: Settings): Settings {
  const missing: { name: string; value: string }[] = [];
  for (const [name, value] of startup.values) if (!left.values.has(name)) missing.push({ name, value });
  return changed(left, missing);
}
