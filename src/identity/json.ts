import type { TokenView } from './tokens.ts';
import type { UserView } from './user-view.ts';

/** A user as programs read it, over HTTP and from the command line. */
export function userJson({ createdAt, ...user }: UserView) {
  return { ...user, created_at: createdAt };
}

/** A token as programs read it. Its text is not known here. */
export function tokenJson({ createdAt, expiresAt, revokedAt, ...token }: TokenView) {
  return { ...token, created_at: createdAt, expires_at: expiresAt, revoked_at: revokedAt };
}
