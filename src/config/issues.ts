import { z } from 'zod';
import { nearest } from './nearest.ts';
import type { Path, Problem } from './references.ts';

/** Most that are told at once. */
const MOST = 20;

/** The validator's findings as problems: one for each unknown key, with the nearest known one. */
export function problemsOf(error: z.ZodError, schema: z.ZodType): Problem[] {
  return error.issues.flatMap((issue) => problemsOfIssue(issue, schema)).slice(0, MOST);
}

function problemsOfIssue(issue: z.core.$ZodIssue, schema: z.ZodType): Problem[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, path);
    return issue.keys.map((key) => ({ path, key, message: unknownKey(key, known) }));
  }
  return [{ path, message: issue.message }];
}

function unknownKey(key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  if (meant !== undefined) return `unknown key ${key}; did you mean ${meant}?`;
  return `unknown key ${key}; known here: ${known.join(', ')}`;
}

/** The keys a mapping at this place may have. */
function keysAt(schema: z.ZodType, path: Path): string[] {
  let here: readonly z.core.$ZodType[] = [schema];
  for (const part of path) here = here.flatMap(bare).flatMap((type) => inside(type, part));
  return here.flatMap(bare).flatMap((type) => (type instanceof z.ZodObject ? Object.keys(type.shape) : []));
}

function inside(type: z.core.$ZodType, part: string | number): z.core.$ZodType[] {
  if (type instanceof z.ZodArray) return [type.element];
  const member: z.core.$ZodType | undefined = type instanceof z.ZodObject ? type.shape[part] : undefined;
  return member === undefined ? [] : [member];
}

/** Without the wrappings that give defaults and prepare the value. */
function bare(type: z.core.$ZodType): z.core.$ZodType[] {
  if (type instanceof z.ZodPrefault || type instanceof z.ZodOptional) return bare(type.unwrap());
  if (type instanceof z.ZodUnion) return type.options.flatMap(bare);
  if (type instanceof z.ZodPipe) return bare(type.in instanceof z.ZodTransform ? type.out : type.in);
  return [type];
}
