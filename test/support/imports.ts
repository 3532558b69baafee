import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseSync } from 'oxc-parser';

/** What one source file leans on. */
export interface SourceFile {
  /** Relative to src, with slashes: `topology/reduce.ts`. */
  readonly path: string;
  readonly text: string;
  /** As written: `../core/node.ts`, `node:fs`, `pino`; types and dynamic imports too. */
  readonly imports: readonly string[];
  /** Names of the platform that are used as values or types: `setTimeout`, `Date`, `Math.random`. */
  readonly globals: readonly string[];
}

/** All TypeScript files below a folder. */
export function readSources(root: string): SourceFile[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => readSource(relative(root, file), readFileSync(file, 'utf8')));
}

/** Throws when the text is not TypeScript. */
export function readSource(path: string, text: string): SourceFile {
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors[0]?.message}`);
  const imports: string[] = [];
  const globals: string[] = [];
  const root: unknown = program;
  if (isNode(root)) visit(root, undefined, '', { imports, globals });
  return { path, text, imports, globals };
}

interface Found {
  readonly imports: string[];
  readonly globals: string[];
}

type Node = Readonly<Record<string, unknown>> & { readonly type: string };

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';

function visit(node: Node, parent: Node | undefined, role: string, found: Found): void {
  const source = node['source'];
  if (isNode(source)) {
    // A computed name is kept as such: no table allows it.
    found.imports.push(typeof source['value'] === 'string' ? source['value'] : 'computed');
  }
  const callee = node['callee'];
  if (node.type === 'CallExpression' && isNode(callee) && callee['name'] === 'require') {
    found.imports.push('require');
  }
  if (node.type === 'MemberExpression') {
    const { object, property } = node;
    if (isNode(object) && isNode(property)) found.globals.push(`${object['name']}.${property['name']}`);
  }
  if (node.type === 'Identifier' && !isLabel(parent, role)) found.globals.push(String(node['name']));
  for (const [key, value] of Object.entries(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) visit(child, node, key, found);
    }
  }
}

const LABELLED = new Set([
  'MemberExpression property',
  'Property key',
  'PropertyDefinition key',
  'MethodDefinition key',
  'TSPropertySignature key',
  'TSMethodSignature key',
]);

/** A name that labels a member, and refers to nothing outside. */
function isLabel(parent: Node | undefined, role: string): boolean {
  return parent !== undefined && parent['computed'] !== true && LABELLED.has(`${parent.type} ${role}`);
}
