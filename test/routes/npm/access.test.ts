import { expect, it } from 'vitest';
import { packagesRegistry } from '../../support/packages-registry.ts';
import { ADMIN, openTestRegistry } from '../../support/registry.ts';
import { publication } from './published.ts';

/** Rules of a registry in place of the pack's own. */
const RULES = {
  access: {
    'npm.package': [
      { names: '@acme/secret-*', hidden: true, read: ['role:devs'], publish: ['alice'], unpublish: [] },
      { names: '@acme/*', read: ['$authenticated'], publish: ['role:devs'], unpublish: ['scope:admin'] },
      { names: '**', read: ['$all'], publish: ['admin'], unpublish: ['admin'] },
    ],
  },
};

it('who may read, publish and unpublish is said by names, and what is hidden is nowhere to be seen', async () => {
  const { send, registry } = await openTestRegistry(packagesRegistry(RULES), { kind: 'sqlite' });
  const password = 'correct horse battery';
  for (const [username, roles] of [
    ['alice', ['devs']],
    ['bob', []],
  ] as const) {
    await registry.identity.createUser({ username, password, scopes: ['read', 'write'], roles });
  }
  const as = (name: string | null) =>
    name === 'admin'
      ? ADMIN
      : name === null
        ? {}
        : { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` };
  const publish = async (name: string | null, pack: string, version = '1.0.0') =>
    (
      await send('PUT', `/npm/${pack.replace('/', '%2f')}`, {
        headers: as(name),
        body: await publication({ name: pack, version, manifest: { description: 'findable' } }),
      })
    ).status;
  const read = async (name: string | null, path: string) =>
    (await send('GET', `/npm/${path}`, { headers: as(name) })).status;

  expect(await publish('bob', '@acme/secret-plan')).toBe(404);
  expect(await publish('alice', '@acme/secret-plan')).toBe(201);
  expect(await publish('bob', '@acme/tool')).toBe(403);
  expect(await publish('alice', '@acme/tool')).toBe(201);
  expect(await publish('alice', 'tool')).toBe(403);
  expect(await publish('admin', 'tool')).toBe(201);
  expect(await publish(null, 'tool', '2.0.0')).toBe(401);

  for (const path of [
    '@acme/secret-plan',
    '@acme/secret-plan/latest',
    '@acme/secret-plan/-/secret-plan-1.0.0.tgz',
    '-/package/@acme%2fsecret-plan/dist-tags',
  ]) {
    expect([await read(null, path), await read('bob', path), await read('alice', path)], path).toEqual([404, 404, 200]);
    const other = path.replace('secret-plan', 'tool').replace('secret-plan-', 'tool-');
    expect([await read(null, other), await read('bob', other)], other).toEqual([401, 200]);
  }
  expect(await read(null, 'tool')).toBe(200);

  const found = async (name: string | null) => {
    const { objects } = (await send('GET', '/npm/-/v1/search?text=findable', { headers: as(name) })).json as {
      objects: { package: { name: string } }[];
    };
    return objects.map((object) => object.package.name).sort();
  };
  expect(await found(null)).toEqual(['tool']);
  expect(await found('bob')).toEqual(['@acme/tool', 'tool']);
  expect(await found('alice')).toEqual(['@acme/secret-plan', '@acme/tool', 'tool']);

  const { _rev } = (await send('GET', '/npm/@acme/tool', { headers: as('alice') })).json as { _rev: string };
  expect((await send('DELETE', `/npm/@acme%2ftool/-rev/${_rev}`, { headers: as('alice') })).status).toBe(403);
  expect((await send('DELETE', `/npm/@acme%2ftool/-rev/${_rev}`, { headers: as('admin') })).status).toBe(200);
});
