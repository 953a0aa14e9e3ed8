import { fail } from '../errors/registry-error.ts';
import { normalizeUsername } from '../shared/username.ts';
import { normalizePassword, TOKEN_USERNAMES } from './rules.ts';
import { TOKEN_PREFIX } from './token.ts';

/** What an Authorization header offers. A token's `owner` is whom the sender says it belongs to; null: says nothing. */
export type Credentials =
  | { readonly kind: 'token'; readonly token: string; readonly owner: string | null }
  | { readonly kind: 'password'; readonly username: string; readonly password: string };

const MAX_HEADER_LENGTH = 4096;
/** RFC 9110 section 11.4: a scheme, spaces and one token68. */
const HEADER = /^([A-Za-z]+) +([A-Za-z0-9._~+/-]+={0,2})$/;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads `Bearer <token>` (RFC 6750) or `Basic <base64 of user:password>` (RFC 7617, UTF-8). A password that looks like a token is
 * one, and the user name is then its owner's; with the user names `token` and `__token__` it always is one. Fails with INVALID_CREDENTIALS on anything else.
 */
export function parseAuthorization(header: string): Credentials {
  const [, scheme, parameter] = (header.length <= MAX_HEADER_LENGTH ? HEADER.exec(header) : null) ?? [];
  if (scheme === undefined || parameter === undefined) fail('INVALID_CREDENTIALS');
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return { kind: 'token', token: parameter, owner: null };
    case 'basic':
      return parseBasic(parameter);
    default:
      fail('INVALID_CREDENTIALS');
  }
}

function parseBasic(parameter: string): Credentials {
  const text = decodeBase64(parameter);
  const colon = text.indexOf(':');
  if (colon < 0) fail('INVALID_CREDENTIALS');
  const user = text.slice(0, colon);
  const secret = text.slice(colon + 1);
  // Nobody bears these names: what comes with them is a token of whichever kind.
  if (TOKEN_USERNAMES.has(user)) return { kind: 'token', token: secret, owner: null };
  if (secret.startsWith(TOKEN_PREFIX))
    return { kind: 'token', token: secret, owner: normalizeUsername(user) ?? fail('INVALID_CREDENTIALS') };
  return passwordCredentials(user, secret);
}

/** A user name and a password as they are compared; fails with INVALID_CREDENTIALS on what cannot be anybody's. */
export function passwordCredentials(user: string, secret: string): Credentials & { readonly kind: 'password' } {
  const username = normalizeUsername(user);
  const password = normalizePassword(secret);
  if (username === null || password === null) fail('INVALID_CREDENTIALS');
  return { kind: 'password', username, password };
}

function decodeBase64(text: string): string {
  const bytes = Buffer.from(text, 'base64');
  // Buffer skips what is not base64; writing it again shows whether there was any.
  if (bytes.toString('base64').replace(/=+$/, '') !== text.replace(/=+$/, '')) fail('INVALID_CREDENTIALS');
  try {
    return UTF8.decode(bytes);
  } catch {
    fail('INVALID_CREDENTIALS');
  }
}
