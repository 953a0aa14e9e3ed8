import { fail } from '../errors/registry-error.ts';
import type { Caller } from './principal.ts';
import { ALL_SCOPES } from './records.ts';
import type { NewToken } from './tokens.ts';

/**
 * What a token may be that a caller asks for in its own name: never more than what the caller came with. A token made with a narrowed
 * one is as narrow, and one made with a token that ends ends no later; who came with a password or a session is bound by neither.
 * Fails with VALUE_INVALID.
 */
export function ownToken(caller: Caller, wanted: Omit<NewToken, 'user'>): NewToken {
  const { principal, token } = caller;
  return {
    user: principal.sub,
    name: wanted.name,
    scopes: scopesWithin(wanted.scopes, token?.scopes ?? null),
    expiresAt: expiryWithin(wanted.expiresAt, token === null || token.generation !== null ? null : token.expiresAt),
  };
}

function scopesWithin(wanted: readonly string[] | null, bound: readonly string[] | null): readonly string[] | null {
  if (bound === null) return wanted;
  if (wanted === null || wanted.includes(ALL_SCOPES)) return bound;
  const beyond = wanted.filter((scope) => !bound.includes(scope));
  if (beyond.length > 0)
    fail('VALUE_INVALID', `The token that asks does not have the scope ${beyond.join(', ')}`, { scopes: beyond });
  return wanted;
}

function expiryWithin(wanted: string | null, bound: string | null): string | null {
  if (bound === null) return wanted;
  if (wanted === null) return bound;
  if (Date.parse(wanted) > Date.parse(bound))
    fail('VALUE_INVALID', `The token that asks ends at ${bound}, and so do those it makes`);
  return wanted;
}
