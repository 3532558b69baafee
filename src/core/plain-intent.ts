import type { Intent, IntentKind, Rule } from './intent.ts';

/** An intent of which all that is not named is as harmless as can be. */
export function plainIntent(
  kind: IntentKind,
  because: Rule,
  detail: string,
  more: Partial<Intent> = {},
): Intent {
  return {
    kind,
    because,
    detail,
    hint: undefined,
    begin: undefined,
    settings: [],
    pin: undefined,
    audit: false,
    here: false,
    names: 'known',
    ...more,
  };
}
