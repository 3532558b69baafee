import type { Hint } from './intent.ts';

const COMMENT = /\/\*\s*pointsman\s*:\s*(.*?)\s*\*\//is;
const NODE = /^node\s*=\s*([\w.-]+)$/i;

/**
 * The hint in the comments before a statement: `primary`, `replica` or `node=NAME`. A level of consistency
 * and whatever is not understood ask for the primary, which satisfies all of them.
 */
export function readHint(comments: string): Hint | undefined {
  const text = COMMENT.exec(comments)?.[1];
  return text === undefined ? undefined : hintOf(text);
}

/** The same from the value of the setting `pointsman.route`. */
export function hintOf(text: string): Hint {
  const word = text.trim().toLowerCase();
  if (word === 'replica') return { to: 'replica' };
  const node = NODE.exec(text.trim())?.[1];
  return node === undefined ? { to: 'primary' } : { to: 'node', node };
}

/** The comment that `readHint` reads as this hint. */
export function hintComment(hint: Hint): string {
  return `/*pointsman:${hint.to === 'node' ? `node=${hint.node}` : hint.to}*/`;
}
