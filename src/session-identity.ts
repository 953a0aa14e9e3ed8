import type { Json } from './definition/types.ts';
import type { SessionIdentity } from './engine/contract.ts';
import { fail } from './errors/registry-error.ts';
import type { Identity } from './identity/identity.ts';
import { tokenJson } from './identity/json.ts';
import { callerBehind, type Principal } from './identity/principal.ts';
import type { PrincipalView } from './language/frame.ts';

/** The registry's identity as pipelines reach it; tokens have the shape that `/auth/tokens` gives them. */
export function sessionIdentity(identity: Identity): SessionIdentity {
  return {
    authenticate: async (username, password, address) =>
      (await identity.verifyPassword(username, password, address)).principal,
    hasUser: async (username) => (await identity.getUser(username))?.disabled === false,
    isPrincipal: (value): value is PrincipalView => callerBehind(value) !== null,
    async issueToken(principal, { expiresAt, ...wanted }) {
      const caller = await identity.callerOf(known(principal));
      const { token, ...view } = await identity.issueToken(caller, { ...wanted, expiresAt: timeText(expiresAt) });
      return { token, ...tokenJson(view) };
    },
    async listTokens(principal, after, limit) {
      const page = await identity.listValidTokens(known(principal).sub, positionOf(after), limit);
      const { next } = page;
      return { tokens: page.tokens.map(tokenJson), next: next === null ? null : [next.createdAt, next.id] };
    },
    async revokeToken(principal, textOrId) {
      const { sub } = known(principal);
      const token = await identity.findToken(textOrId);
      if (token === null) return false;
      if (token.user !== sub && !(await identity.callerOf(known(principal))).admin) return false;
      return identity.revokeToken(token.id);
    },
  };
}

/** The same object: it is what its caller is known by. */
function known(principal: PrincipalView): Principal {
  return isKnown(principal) ? principal : fail('UNAUTHORIZED');
}

function isKnown(principal: PrincipalView): principal is Principal {
  return principal.sub !== null;
}

function timeText(ms: number | null): string | null {
  if (ms === null) return null;
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? fail('VALUE_INVALID', 'The token would end too far away') : time.toISOString();
}

function positionOf(after: Json): { readonly createdAt: string; readonly id: string } | null {
  if (after === null) return null;
  const [createdAt, id] = Array.isArray(after) ? after : [];
  if (typeof createdAt !== 'string' || typeof id !== 'string') fail('CURSOR_INVALID');
  return { createdAt, id };
}
