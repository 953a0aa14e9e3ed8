const MAX_LENGTH = 64;
const USERNAME = /^[a-z0-9][a-z0-9._@+-]*$/;

/**
 * A user name as it is stored and compared: NFKC, lower case, at most 64 of `a-z 0-9 . _ @ + -`, beginning with a letter
 * or digit. Null for anything else.
 */
export function normalizeUsername(text: string): string | null {
  if (text.length > MAX_LENGTH) return null;
  const name = text.normalize('NFKC').toLowerCase();
  return name.length <= MAX_LENGTH && USERNAME.test(name) ? name : null;
}
