import { fail } from '../errors/registry-error.ts';
import { userJson } from '../identity/json.ts';
import type { Caller } from '../identity/principal.ts';
import { readFields, readJson } from './json-body.ts';
import type { ServedRegistry } from './served-registry.ts';
import { requireAdmin, type SystemApp } from './system-context.ts';

const PAGE_SIZE = 100;
const MAX_PAGE_SIZE = 1000;

/**
 * Users, for administrators:
 *
 * - `GET /auth/users?after=&limit=` -> `{users, next}`, in order of their names
 * - `POST /auth/users` `{username, password?, scopes, roles?, org?}` -> 201; without a password the user comes with tokens only
 * - `GET /auth/users/{name}`
 * - `PATCH /auth/users/{name}` `{password?, scopes?, roles?, org?, disabled?}`: all of it or nothing; it counts at once
 */
export function addUserRoutes(app: SystemApp, registry: ServedRegistry): void {
  app.get('/auth/users', async (c) => {
    await requireAdmin(c, registry);
    const { users, next } = await registry.identity.listUsers(
      c.req.query('after') ?? null,
      limitOf(c.req.query('limit')),
    );
    return c.json({ users: users.map(userJson), next });
  });

  app.post('/auth/users', async (c) => {
    await requireAdmin(c, registry);
    const { roles, ...user } = readFields(
      await readJson(c.req.raw.body),
      { username: 'text', scopes: 'texts' },
      { password: 'text', roles: 'texts', org: 'text' },
    );
    return c.json(userJson(await registry.identity.createUser({ ...user, roles: roles ?? [] })), 201);
  });

  app.get('/auth/users/:name', async (c) => {
    await requireAdmin(c, registry);
    const user = await registry.identity.getUser(c.req.param('name'));
    return c.json(userJson(user ?? fail('NOT_FOUND', 'There is no such user')));
  });

  app.patch('/auth/users/:name', async (c) => {
    const caller = await requireAdmin(c, registry);
    const changes = readFields(
      await readJson(c.req.raw.body),
      {},
      { password: 'text', scopes: 'texts', roles: 'texts', org: 'text', disabled: 'flag' },
    );
    const { identity } = registry;
    const user = (await identity.getUser(c.req.param('name'))) ?? fail('NOT_FOUND', 'There is no such user');
    if (changes.scopes !== null || changes.disabled === true) refuseOneself(caller, user.username);
    return c.json(userJson(await identity.updateUser(user.username, changes)));
  });
}

/** So that one administrator at least is left. */
function refuseOneself({ principal }: Caller, username: string): void {
  if (principal.sub === username)
    fail('VALUE_INVALID', 'Nobody takes scopes from themselves; another administrator may');
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return PAGE_SIZE;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  return limit >= 1 && limit <= MAX_PAGE_SIZE ? limit : fail('QUERY_INVALID', `limit is 1 to ${MAX_PAGE_SIZE}`);
}
