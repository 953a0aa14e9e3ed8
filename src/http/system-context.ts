import type { HttpBindings } from '@hono/node-server';
import type { Context, Hono } from 'hono';
import { fail } from '../errors/registry-error.ts';
import type { Identity } from '../identity/identity.ts';
import type { Caller } from '../identity/principal.ts';
import type { ServedRegistry } from './served-registry.ts';

/** What a system route runs in. */
interface SystemEnvironment {
  readonly Bindings: HttpBindings;
  readonly Variables: { /** The client's address. */ readonly address: string };
}
export type SystemApp = Hono<SystemEnvironment>;
export type SystemContext = Context<SystemEnvironment>;

/** Who makes the request. Fails with UNAUTHORIZED for anonymous, and as `identify` does. */
export async function requireCaller(c: SystemContext, registry: ServedRegistry): Promise<Caller> {
  // Not c.req.header, which makes one of several.
  const authorization = c.env.incoming.headersDistinct.authorization ?? [];
  return (await registry.identity.identify(authorization, c.get('address'))) ?? fail('UNAUTHORIZED');
}

/** The same for what only administrators may do; fails with FORBIDDEN for all others. */
export async function requireAdmin(c: SystemContext, registry: ServedRegistry): Promise<Caller> {
  const caller = await requireCaller(c, registry);
  return caller.admin ? caller : fail('FORBIDDEN', 'Only administrators may do that');
}

export type ServedIdentity = Pick<
  Identity,
  | 'identify'
  | 'login'
  | 'changePassword'
  | 'createUser'
  | 'getUser'
  | 'listUsers'
  | 'updateUser'
  | 'createToken'
  | 'getToken'
  | 'listTokens'
  | 'revokeToken'
>;
