import type { Definition } from './definition/types.ts';
import { sharedSecret } from './engine-secrets.ts';
import { type Attempts, DEFAULT_LIMITS, openAttempts } from './identity/attempts.ts';
import { type Identity, openIdentity } from './identity/identity.ts';
import type { RecordStore } from './ports/record-store.ts';
import type { Clock } from './shared/clock.ts';
import type { Peers } from './shared/peers.ts';

/** By store, so that who guesses gains nothing when the definition is taken in anew. */
const ATTEMPTS = new WeakMap<RecordStore, Attempts>();
const SIGNING_KEY = 'token-key';

/** Identity as a definition wants it, over the registry's first record store. `peers`: other processes that serve it, too. */
export async function identityOf(
  definition: Definition,
  store: RecordStore,
  clock: Clock,
  peers: Peers | null = null,
): Promise<Identity> {
  const { scopes, anonymousScopes, principals, passwords } = definition.auth;
  // What everybody has, even nobody, makes no administrator.
  const isAdminScope = ({ name, actions }: (typeof scopes)[number]) =>
    actions.includes('*') && !anonymousScopes.includes(name);
  const { issuer, audience, clockSkewSeconds } = principals;
  const attempts = ATTEMPTS.get(store) ?? openAttempts(DEFAULT_LIMITS, peers);
  ATTEMPTS.set(store, attempts);
  return openIdentity({
    store,
    clock,
    attempts,
    scopes: scopes.map((scope) => scope.name),
    adminScopes: scopes.filter(isAdminScope).map((scope) => scope.name),
    minPasswordLength: passwords.minLength,
    sessionMs: principals.sessionSeconds * 1000,
    signing:
      principals.source === 'jwt'
        ? { key: await sharedSecret(store, SIGNING_KEY), issuer, audience, clockSkewMs: clockSkewSeconds * 1000 }
        : null,
  });
}
