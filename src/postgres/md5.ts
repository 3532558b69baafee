import { createHash } from 'node:crypto';

const hex = (...parts: readonly (string | Uint8Array)[]): string => {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

const stored = /^md5[0-9a-f]{32}$/;

/** True for a secret that is a stored md5 hash, not a password. */
export const isMd5Hash = (secret: string): boolean => stored.test(secret);

/** What a server stores: `md5` and the hash of password and user name. */
export const md5Hash = (user: string, secret: string): string =>
  isMd5Hash(secret) ? secret : `md5${hex(secret, user)}`;

/** The answer to a challenge (PG 54.2.3): of a password, or of its stored hash. */
export const md5Answer = (user: string, secret: string, salt: Uint8Array): string =>
  `md5${hex(md5Hash(user, secret).slice(3), salt)}`;
