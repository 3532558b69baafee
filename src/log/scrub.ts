/** Longest text of one field: what clients and servers say of themselves must not fill a disk. */
const LONGEST = 500;

/** Text from outside as it may be logged: bounded, and without the passwords of connection strings. */
export function scrub(text: string, longest = LONGEST): string {
  const short = text.length > longest ? `${text.slice(0, longest)}… (${text.length} characters)` : text;
  return short
    .replaceAll(/(:\/\/[^\s:/@]*):[^\s@]*@/g, '$1:[hidden]@')
    .replaceAll(/\b(password|passwd|pwd)(\s*[=:]\s*)('[^']*'|"[^"]*"|[^\s,;}]+)/gi, '$1$2[hidden]');
}
