import { fail } from '../errors/registry-error.ts';
import { normalizeUsername } from '../shared/username.ts';
import { isCommonPassword } from './common-passwords.ts';
import { ALL_SCOPES } from './records.ts';
import { TOKEN_PREFIX } from './token.ts';

/** User names that stand for "look at the token" in Basic credentials; nobody may be called so. */
export const TOKEN_USERNAMES: ReadonlySet<string> = new Set(['token', '__token__']);

const MAX_PASSWORD_BYTES = 1024;
const MAX_LABEL_LENGTH = 100;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** A user name that is to be given to somebody, normalised; fails with VALUE_INVALID. */
export function newUsername(text: string): string {
  const name = normalizeUsername(text);
  if (name === null)
    fail('VALUE_INVALID', 'A user name is 1 to 64 of a-z 0-9 . _ @ + -, beginning with a letter or digit');
  if (TOKEN_USERNAMES.has(name)) fail('VALUE_INVALID', 'This user name is reserved');
  return name;
}

/**
 * A password as it is hashed: NFC (RFC 8265, OpaqueString). Null for what cannot be anybody's: empty, more than 1024 bytes,
 * control characters.
 */
export function normalizePassword(text: string): string | null {
  // UTF-8 never takes fewer bytes than UTF-16 takes units: what is too long is not even normalised.
  if (text === '' || text.length > MAX_PASSWORD_BYTES || CONTROL.test(text)) return null;
  const password = text.normalize('NFC');
  return Buffer.byteLength(password) <= MAX_PASSWORD_BYTES ? password : null;
}

/** The same for a password that is to be set, by the policy; fails with VALUE_INVALID and never shows the password. */
export function newPassword(text: string, username: string, minLength: number): string {
  const password = normalizePassword(text);
  if (password === null) fail('VALUE_INVALID', 'A password is at most 1024 bytes long and has no control characters');
  if ([...password].length < minLength) fail('VALUE_INVALID', `A password has at least ${minLength} characters`);
  if (password.toLowerCase() === username) fail('VALUE_INVALID', 'A password is not the user name');
  if (isCommonPassword(password)) fail('VALUE_INVALID', 'This password is one of the first that are guessed');
  if (password.startsWith(TOKEN_PREFIX)) fail('VALUE_INVALID', `A password does not begin with ${TOKEN_PREFIX}`);
  return password;
}

/** Scopes to be granted, without duplicates, in the order given; fails with VALUE_INVALID on one that is not allowed. */
export function knownScopes(scopes: readonly string[], allowed: readonly string[]): readonly string[] {
  const unknown = scopes.filter((scope) => scope !== ALL_SCOPES && !allowed.includes(scope));
  if (unknown.length > 0)
    fail('VALUE_INVALID', `There is no such scope to give: ${unknown.join(', ')}`, { scopes: unknown });
  return [...new Set(scopes)];
}

/** A name for people, such as a token's: 1 to 100 characters, none of them a control character; fails with VALUE_INVALID. */
export function label(text: string): string {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed.length > MAX_LABEL_LENGTH || CONTROL.test(trimmed)) {
    fail('VALUE_INVALID', 'A name has 1 to 100 characters and no control characters');
  }
  return trimmed;
}

/** A moment to come, as ISO 8601 in UTC; fails with VALUE_INVALID on what is no date or is past. */
export function futureTime(text: string, now: number): string {
  const time = Date.parse(text);
  if (!(time > now)) fail('VALUE_INVALID', 'The expiry is not a time to come');
  return new Date(time).toISOString();
}
