import { hash, randomBytes } from 'node:crypto';
// The two parts that are needed: all of jose takes three times as long to load.
import { SignJWT } from 'jose/jwt/sign';
import { jwtVerify } from 'jose/jwt/verify';
import { RegistryError } from '../errors/registry-error.ts';
import type { Clock } from '../shared/clock.ts';
import type { TokenDigest } from './token.ts';

/** Session tokens that say who holds them and until when: JSON Web Tokens (RFC 7519), by the advice of RFC 8725. */
export interface SignedTokens {
  /** A token valid from now until `expiresAt` (milliseconds since the epoch; whole seconds count). */
  mint(subject: string, expiresAt: number): Promise<TokenDigest & { readonly token: string }>;
  /** The token's `jti` and hash. Fails with INVALID_CREDENTIALS, whatever is wrong. */
  verify(text: string): Promise<TokenDigest>;
}

export interface SignedTokenOptions {
  /** 32 random bytes, which all processes on one store share and nobody else knows. */
  readonly key: Uint8Array;
  readonly issuer: string;
  readonly audience: string;
  /** By how much the clocks of these processes may differ. */
  readonly clockSkewMs: number;
}

/**
 * The only algorithm there is. Who signs is who verifies, so nothing is gained by a pair of keys, and with one kind of key there
 * is nothing to confuse.
 */
const ALGORITHM = 'HS256';
const FORM = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
/** As many as an opaque token's id has. */
const ID_BYTES = 16;

/** Whether a text may be a signed token, before anything is computed. */
export function looksSigned(text: string): boolean {
  return FORM.test(text);
}

/** SHA-256 of a signed token in hex. */
export function signedTokenHash(text: string): string {
  return hash('sha256', text, 'hex');
}

export function openSignedTokens(
  { key, issuer, audience, clockSkewMs }: SignedTokenOptions,
  clock: Clock,
): SignedTokens {
  return {
    async mint(subject, expiresAt) {
      const id = randomBytes(ID_BYTES).toString('hex');
      const now = Math.floor(clock.now() / 1000);
      const token = await new SignJWT()
        .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(subject)
        .setJti(id)
        .setIssuedAt(now)
        .setNotBefore(now)
        .setExpirationTime(Math.floor(expiresAt / 1000))
        .sign(key);
      return { id, hash: signedTokenHash(token), token };
    },
    async verify(text) {
      try {
        const { payload } = await jwtVerify(text, key, {
          algorithms: [ALGORITHM],
          typ: 'JWT',
          issuer,
          audience,
          requiredClaims: ['sub', 'jti', 'iat', 'nbf', 'exp'],
          clockTolerance: clockSkewMs / 1000,
          currentDate: new Date(clock.now()),
        });
        if (typeof payload.jti === 'string') return { id: payload.jti, hash: signedTokenHash(text) };
      } catch {
        // What is wrong with it is nobody's business: it may be an attempt.
      }
      throw new RegistryError('INVALID_CREDENTIALS');
    },
  };
}
