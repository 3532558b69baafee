/**
 * SASLprep (RFC 4013) as the server does it to passwords: mapped and normalised; a password that SASLprep
 * prohibits is used as it is. Bidirectional rules are those of the common scripts.
 */
export function saslprep(password: string): string {
  if (!/[^\p{ASCII}]/u.test(password)) return password;
  const mapped = password.replace(spaces, ' ').replace(mappedToNothing, '').normalize('NFKC');
  if (mapped === '' || prohibited.test(mapped) || laterThanUnicode32(mapped) || mixesDirections(mapped)) {
    return password;
  }
  return mapped;
}

/** RFC 3454, C.1.2. */
const spaces = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g;
/** RFC 3454, B.1. */
const mappedToNothing = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/gu;
/** RFC 3454, C.2 to C.9: controls, private use, unassigned, surrogates, and what is not plain text. */
const prohibited =
  /[\p{Cc}\p{Co}\p{Cn}\p{Cs}\u06dd\u070f\u180e\u200e\u200f\u2028-\u202e\u2061-\u2063\u206a-\u206f\u2ff0-\u2ffb\ufff9-\ufffd\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u;

/** Beyond the first plane Unicode 3.2, which SASLprep is bound to, has these blocks only. */
const planes32 =
  /^[\u{10300}-\u{1034a}\u{10400}-\u{1044d}\u{1d000}-\u{1d1dd}\u{1d400}-\u{1d7ff}\u{20000}-\u{2a6d6}\u{2f800}-\u{2fa1d}]$/u;

function laterThanUnicode32(text: string): boolean {
  for (const character of text) {
    if (character.length > 1 && !planes32.test(character)) return true;
  }
  return false;
}

const rightToLeft = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}]/u;

/** RFC 3454, 6: text with right-to-left letters begins and ends with one and has no left-to-right ones. */
function mixesDirections(text: string): boolean {
  if (!rightToLeft.test(text)) return false;
  const characters = [...text];
  const ends = rightToLeft.test(characters[0] ?? '') && rightToLeft.test(characters.at(-1) ?? '');
  return !ends || characters.some((one) => /\p{L}/u.test(one) && !rightToLeft.test(one));
}
