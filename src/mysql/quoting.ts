/** A string literal for a session without NO_BACKSLASH_ESCAPES and whose character set is UTF-8. */
export function literalOf(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll('\0', '\\0')}'`;
}

/** A name between backticks. */
export function nameOf(text: string): string {
  return `\`${text.replaceAll('`', '``')}\``;
}
