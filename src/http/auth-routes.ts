import { fail } from '../errors/registry-error.ts';
import { ownToken } from '../identity/delegation.ts';
import type { Session } from '../identity/identity.ts';
import { tokenJson, userJson } from '../identity/json.ts';
import type { Caller } from '../identity/principal.ts';
import { readFields, readJson } from './json-body.ts';
import type { ServedRegistry } from './served-registry.ts';
import { requireAdmin, requireCaller, type SystemApp } from './system-context.ts';

/**
 * What everybody may do about their own sessions, password and tokens; administrators also about the tokens of others.
 *
 * - `POST /auth/login` `{username, password}` -> `{ok, token, user, expires_at}`
 * - `POST /auth/logout`: revokes the token that it comes with
 * - `POST /auth/change-password` `{current_password, new_password}` -> as login; earlier sessions end, API tokens stay
 * - `GET /auth/me` -> the user, whether it is an administrator, and the token it came with
 * - `GET /auth/tokens?user=` -> `{tokens}`
 * - `POST /auth/tokens` `{name, scopes?, expires_at?|expires_in_seconds?, user?}` -> 201, with the token, shown this once
 * - `DELETE /auth/tokens/{id}`
 */
export function addAuthRoutes(app: SystemApp, registry: ServedRegistry): void {
  app.post('/auth/login', async (c) => {
    const { username, password } = credentialsOf(await readJson(c.req.raw.body));
    return c.json(sessionJson(await registry.identity.login(username, password, c.get('address'))));
  });

  app.post('/auth/logout', async (c) => {
    const { token } = await requireCaller(c, registry);
    if (token === null) fail('VALUE_INVALID', 'Only a token can be given up, and this request came with a password');
    await registry.identity.revokeToken(token.id);
    return c.json({ ok: true });
  });

  app.post('/auth/change-password', async (c) => {
    const { principal } = await requireCaller(c, registry);
    const fields = readFields(await readJson(c.req.raw.body), { current_password: 'text', new_password: 'text' }, {});
    const { identity } = registry;
    return c.json(
      sessionJson(
        await identity.changePassword(principal.sub, fields.current_password, fields.new_password, c.get('address')),
      ),
    );
  });

  app.get('/auth/me', async (c) => {
    const { principal, user, token, admin } = await requireCaller(c, registry);
    const { sub, ...held } = principal;
    const view = token === null ? null : await registry.identity.getToken(token.id);
    return c.json({
      username: sub,
      ...held,
      admin,
      created_at: user.createdAt,
      token: view === null ? null : tokenJson(view),
    });
  });

  app.get('/auth/tokens', async (c) => {
    const user = c.req.query('user');
    const caller = await (user === undefined ? requireCaller(c, registry) : requireAdmin(c, registry));
    const tokens = await registry.identity.listTokens(user ?? caller.principal.sub);
    return c.json({ tokens: tokens.map(tokenJson) });
  });

  app.post('/auth/tokens', async (c) => {
    const caller = await requireCaller(c, registry);
    const fields = readFields(
      await readJson(c.req.raw.body),
      { name: 'text' },
      { scopes: 'texts', expires_at: 'text', expires_in_seconds: 'seconds', user: 'text' },
    );
    const { name, scopes, user } = fields;
    if (user !== null && !caller.admin) fail('FORBIDDEN', 'Only administrators make tokens for others');
    const wanted = { name, scopes, expiresAt: expiryOf(fields.expires_at, fields.expires_in_seconds) };
    const { identity } = registry;
    const { id, token } = await identity.createToken(user === null ? ownToken(caller, wanted) : { user, ...wanted });
    const view = (await identity.getToken(id)) ?? fail('INTERNAL');
    return c.json({ ok: true, token, ...tokenJson(view) }, 201);
  });

  app.delete('/auth/tokens/:id', async (c) => {
    const caller = await requireCaller(c, registry);
    const id = c.req.param('id');
    if (!(await mayRevoke(registry, caller, id)) || !(await registry.identity.revokeToken(id)))
      fail('NOT_FOUND', 'There is no such token');
    return c.json({ ok: true });
  });
}

/** Others' tokens are as if they were not there. */
async function mayRevoke({ identity }: ServedRegistry, { principal, admin }: Caller, id: string): Promise<boolean> {
  return admin || (await identity.getToken(id))?.user === principal.sub;
}

function sessionJson({ token, user, expiresAt }: Session) {
  return { ok: true, token, user: userJson(user), expires_at: expiresAt };
}

function expiryOf(at: string | null, inSeconds: number | null): string | null {
  if (inSeconds === null) return at;
  if (at !== null) fail('VALUE_INVALID', 'Give expires_at or expires_in_seconds, not both');
  const time = new Date(Date.now() + inSeconds * 1000);
  return Number.isNaN(time.getTime())
    ? fail('VALUE_INVALID', 'expires_in_seconds is too far away')
    : time.toISOString();
}

/** Other members than these two are let pass: login forms like to send more. */
function credentialsOf(value: unknown): { readonly username: string; readonly password: string } {
  if (typeof value !== 'object' || value === null || !('username' in value) || !('password' in value)) {
    fail('VALUE_INVALID', 'The body is an object with username and password');
  }
  const { username, password } = value;
  if (typeof username !== 'string' || typeof password !== 'string') {
    fail('VALUE_INVALID', 'username and password are texts');
  }
  return { username, password };
}
