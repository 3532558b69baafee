#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runChild } from './child.mjs';
import { nodeOptions, requireNode } from './node.mjs';

/** The launcher: finds a Node that is new enough, then the sources (a clone) or their JavaScript (a package). */
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, 'src', 'main.ts');
// Node runs no TypeScript below node_modules.
const isPackage = root.includes(`${sep}node_modules${sep}`) || !existsSync(source);
const main = isPackage ? join(root, 'dist', 'main.js') : source;

process.exit(await runChild(requireNode(), [...nodeOptions, main, ...process.argv.slice(2)]));
