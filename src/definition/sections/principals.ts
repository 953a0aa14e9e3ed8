import type { ObjectReader } from '../object-reader.ts';
import type { AuthDefinition, PrincipalsDefinition } from '../types.ts';

const OPAQUE_SECONDS = 12 * 3600;
const SIGNED_SECONDS = 15 * 60;
/** A signed token is read far from here, by those who cannot ask whether it was revoked: it must not live long. */
const MAX_SIGNED_SECONDS = 24 * 3600;
const MAX_OPAQUE_SECONDS = 365 * 24 * 3600;
const CLOCK_SKEW_SECONDS = 30;
const MAX_CLOCK_SKEW_SECONDS = 300;
const MIN_PASSWORD_LENGTH = 8;
/** Of `min_length`: below this a password is none; above it nobody can set one. */
const PASSWORD_LENGTHS = { min: 6, max: 128 } as const;

/** `auth.principals`: what a login gives and how long it holds. `auth` is null where the definition has no such section. */
export function readPrincipals(auth: ObjectReader | null, typeId: string): PrincipalsDefinition {
  const reader = auth?.child('principals') ?? null;
  const source = reader?.choice('source', ['tokens', 'jwt'], 'tokens') ?? 'tokens';
  const signed = source === 'jwt';
  const principals: PrincipalsDefinition = {
    source,
    sessionSeconds: bounded(
      reader,
      'session_seconds',
      signed ? SIGNED_SECONDS : OPAQUE_SECONDS,
      60,
      signed ? MAX_SIGNED_SECONDS : MAX_OPAQUE_SECONDS,
    ),
    issuer: reader?.text('issuer', typeId) ?? typeId,
    audience: reader?.text('audience', typeId) ?? typeId,
    clockSkewSeconds: bounded(reader, 'clock_skew_seconds', CLOCK_SKEW_SECONDS, 0, MAX_CLOCK_SKEW_SECONDS),
  };
  reader?.finish();
  return principals;
}

/** `auth.passwords`: what a new password must be. */
export function readPasswords(auth: ObjectReader | null): AuthDefinition['passwords'] {
  const reader = auth?.child('passwords') ?? null;
  const { min, max } = PASSWORD_LENGTHS;
  const minLength = bounded(reader, 'min_length', MIN_PASSWORD_LENGTH, min, max);
  reader?.finish();
  return { minLength };
}

function bounded(reader: ObjectReader | null, key: string, fallback: number, min: number, max: number): number {
  return reader === null ? fallback : reader.integer(key, fallback, min, max);
}
