import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ADMIN, openTestRegistry } from '../support/registry.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { registryOf } from './steps.ts';

/** `access` of a pack, and of the registry in its place, asked by users of the registry. */
describe('access to names', () => {
  const RULES = [
    { names: '@acme/secret-*', hidden: true, read: ['role:devs'], publish: ['alice'] },
    { names: '@acme/*', read: ['$authenticated'], publish: ['role:devs', 'org:acme'], unpublish: ['scope:admin'] },
    { names: '**', read: ['$all'], publish: ['$authenticated'], unpublish: [] },
  ];
  const PACK = {
    name: 'things',
    mount: '/things',
    auth_challenge: ['Bearer realm="things"'],
    access: { thing: RULES },
    errors: { '*': { body: { error: '{error.message}' } } },
  };
  const SCOPES = [
    { name: 'write', actions: ['kv.put'] },
    { name: 'admin', actions: ['*'] },
  ];

  function asking(action: string, method: string) {
    return {
      id: `${action}_thing`,
      method,
      path: '/{name+}',
      pipeline: [
        { op: 'auth.require_access', args: { access: 'thing', name: '$name', action } },
        { op: 'respond.json', args: { body: '$name' } },
      ],
    };
  }

  async function open(access: object = {}) {
    const { path, remove } = makeTemporaryFolder();
    onTestFinished(remove);
    const write = async (file: string, json: object) => {
      await mkdir(dirname(join(path, file)), { recursive: true });
      await writeFile(join(path, file), JSON.stringify(json));
    };
    await write('schema.json', { ...registryOf([], { auth: { scopes: SCOPES } }), packs: ['routes/things'], access });
    await write('routes/things/pack.json', PACK);
    for (const [action, method] of [
      ['read', 'GET'],
      ['publish', 'PUT'],
      ['unpublish', 'DELETE'],
    ] as const) {
      await write(`routes/things/${action}_thing.json`, asking(action, method));
    }
    const registry = await openTestRegistry(path, { kind: 'memory' });
    const { identity } = registry.registry;
    const make = async (username: string, user: object) => {
      await identity.createUser({ username, password: null, scopes: [], ...user });
      const { token } = await identity.createToken({ user: username, name: 't', scopes: null, expiresAt: null });
      return { authorization: `Bearer ${token}` };
    };
    const who: Record<string, Record<string, string>> = {
      anonymous: {},
      alice: await make('alice', {}),
      dev: await make('dev', { roles: ['devs'] }),
      worker: await make('worker', { org: 'acme' }),
      carol: await make('carol', {}),
      admin: ADMIN,
    };
    const ask = async (user: string, method: string, name: string) =>
      registry.send(method, `/things/${name}`, { headers: who[user]! });
    const statuses = async (method: string, name: string) => {
      const entries = Object.keys(who).map(async (user) => [user, (await ask(user, method, name)).status] as const);
      return Object.fromEntries(await Promise.all(entries));
    };
    return { ...registry, ask, statuses };
  }

  it('the first pattern that a name matches decides, for each action by itself', async () => {
    const { statuses } = await open();
    const all = { anonymous: 200, alice: 200, dev: 200, worker: 200, carol: 200, admin: 200 };
    expect(await statuses('GET', 'tool')).toEqual(all);
    expect(await statuses('GET', 'a/b/c')).toEqual(all);
    expect(await statuses('PUT', 'tool')).toEqual({ ...all, anonymous: 401 });
    expect(await statuses('GET', '@acme/tool')).toEqual({ ...all, anonymous: 401 });
    // Nobody is let in for being an administrator: who may is what is written.
    const some = { anonymous: 401, alice: 403, dev: 200, worker: 200, carol: 403, admin: 403 };
    expect(await statuses('PUT', '@acme/tool')).toEqual(some);
    expect(await statuses('PUT', '@acme%2Ftool')).toEqual(some);
    const none = { anonymous: 401, alice: 403, dev: 403, worker: 403, carol: 403, admin: 403 };
    expect(await statuses('DELETE', '@acme/tool')).toEqual({ ...none, admin: 200 });
    expect(await statuses('DELETE', 'tool')).toEqual(none);
  });

  it('what is hidden is not there for who may not read it, and who may is told', async () => {
    const { statuses, ask } = await open();
    const gone = { anonymous: 404, alice: 404, dev: 200, worker: 404, carol: 404, admin: 404 };
    expect(await statuses('GET', '@acme/secret-plan')).toEqual(gone);
    // Who may publish does, though she may not read.
    expect(await statuses('PUT', '@acme/secret-plan')).toEqual({ ...gone, alice: 200, dev: 403 });
    // Not listed there, whatever the wider rule says.
    expect(await statuses('DELETE', '@acme/secret-plan')).toEqual({ ...gone, dev: 403 });
    const hidden = await ask('carol', 'PUT', '@acme/secret-plan');
    expect(hidden.text).not.toMatch(/secret|publish|carol/);
  });

  it('refuses as the pack answers: its challenge, its bodies', async () => {
    const { ask } = await open();
    const anonymous = await ask('anonymous', 'PUT', 'tool');
    expect(anonymous.headers['www-authenticate']).toBe('Bearer realm="things"');
    expect((await ask('carol', 'PUT', '@acme/tool')).json).toEqual({ error: 'carol may not publish @acme/tool' });
  });

  it("what the registry says of a pack's access stands in its place, wholly", async () => {
    const rules = [{ names: '**', read: ['scope:admin'], publish: ['alice'], unpublish: [] }];
    const { statuses, registry } = await open({ 'things.thing': rules });
    const none = { anonymous: 401, alice: 403, dev: 403, worker: 403, carol: 403, admin: 403 };
    expect(await statuses('GET', 'tool')).toEqual({ ...none, admin: 200 });
    expect(await statuses('PUT', '@acme/secret-plan')).toEqual({ ...none, alice: 200 });
    expect(registry.definition.raw.access).toEqual({ 'things.thing': rules });
  });
});
