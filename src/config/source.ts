import { type Document, isMap, isNode, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import type { Path, Problem } from './references.ts';

/** Ordinary reuse is allowed, aliases that multiply ("billion laughs") are not. */
const MAX_ALIASES = 100;

const OPENING = '${';
/** The first error of a broken text says most; the rest follow from it. */
const MOST_SYNTAX_ERRORS = 3;

/** A configuration's text with the places of its values. */
export interface Source {
  readonly value: unknown;
  readonly problems: readonly Located[];
  /** `line:column` of a problem; both count from 1. */
  locate(problem: Problem): Place;
}

export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface Located extends Place {
  readonly message: string;
}

/** Reads YAML. Its own errors are returned with their places, not thrown. */
export function readSource(text: string): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const problems: Located[] = [];
  for (const error of document.errors) {
    const at = place(error.pos[0]);
    const told = problems.some(({ line }) => line === at.line) || problems.length === MOST_SYNTAX_ERRORS;
    // The reader quotes what it found there, which may be a password.
    const message = error.message.replace(/(token in YAML stream): .*$/s, '$1');
    if (!told) problems.push({ ...at, message: `${message}${quoteHint(text, at.line)}` });
  }
  let value: unknown;
  if (problems.length === 0) {
    try {
      value = document.toJS({ maxAliasCount: MAX_ALIASES });
    } catch (error) {
      problems.push({ line: 1, column: 1, message: error instanceof Error ? error.message : String(error) });
    }
  }
  return { value, problems, locate: (problem) => place(offsetOf(document, problem)) };
}

/** The commonest slip: a brace of a reference read as the end of a flow mapping. */
function quoteHint(text: string, line: number): string {
  const at = text.split('\n')[line - 1] ?? '';
  return at.includes(OPENING) && /[[{]/.test(at.replaceAll(OPENING, ''))
    ? `; inside { } and [ ] a reference needs quotes: "\${env:NAME}"`
    : '';
}

/** The offset of the nearest thing that exists on the way to the problem. */
function offsetOf(document: Document.Parsed, problem: Problem): number {
  if (problem.key !== undefined) {
    const offset = keyOffset(nodeAt(document, problem.path), problem.key);
    if (offset !== undefined) return offset;
  }
  for (let length = problem.path.length; length >= 0; length--) {
    const path = problem.path.slice(0, length);
    const last = path.at(-1);
    const parent = length === 0 ? undefined : nodeAt(document, path.slice(0, -1));
    const found = nodeAt(document, path);
    // A value that spans lines is better pointed at by its key.
    const offset = isScalar(found)
      ? found.range?.[0]
      : (keyOffset(parent, String(last)) ?? found?.range?.[0]);
    if (offset !== undefined) return offset;
  }
  return 0;
}

function nodeAt(document: Document.Parsed, path: Path): Node | undefined {
  const found = path.length === 0 ? document.contents : document.getIn(path, true);
  return isNode(found) ? found : undefined;
}

function keyOffset(map: Node | undefined, key: string): number | undefined {
  if (!isMap(map)) return undefined;
  const pair = map.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
  return isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
}
