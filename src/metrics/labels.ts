/**
 * Keeps a label's values few: the first `most` are told apart, all others are `other`. What comes from
 * clients or servers (user names, error codes) must pass here, or memory would grow with what they send.
 */
export function boundedLabel(most: number): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (known.has(value)) return value;
    if (known.size >= most) return 'other';
    known.add(value);
    return value;
  };
}
