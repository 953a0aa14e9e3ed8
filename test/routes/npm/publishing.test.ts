import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { DEFAULT_REGISTRY } from '../../support/packages-registry.ts';
import { ADMIN, ALL_STORE_KINDS, openTestRegistry, type StoreKind, type TestResponse } from '../../support/registry.ts';
import { type Publication, publication } from './published.ts';

const SHORT = 'application/vnd.npm.install-v1+json';

async function open(kind: StoreKind) {
  const { registry, send } = await openTestRegistry(DEFAULT_REGISTRY, { kind });
  const as = (method: string, target: string, body?: object | string) =>
    send(method, `/npm${target}`, { headers: ADMIN, ...(body === undefined ? {} : { body }) });
  return {
    registry,
    as,
    get: (target: string, headers: Record<string, string> = {}) => send('GET', `/npm${target}`, { headers }),
    publish: async (given: Publication) => as('PUT', `/${given.name.replace('/', '%2f')}`, await publication(given)),
  };
}

/** An error that a person understands, by its code. */
function expectRefused(response: TestResponse, status: number, code: string) {
  expect({ status: response.status, json: response.json }).toMatchObject({ status, json: { code } });
  expect((response.json as { error: string }).error).toMatch(/^[A-Z@a-z].{10,}$/);
}

describe.each(ALL_STORE_KINDS)('packages on %s', (kind) => {
  it('are published, read in full and short, and fetched', async () => {
    const { publish, get } = await open(kind);
    const manifest = {
      description: 'A tool',
      keywords: ['tool'],
      dependencies: { other: '^1.0.0' },
      scripts: { postinstall: 'x' },
    };
    expect((await publish({ name: '@acme/tool', version: '1.0.0', manifest })).status).toBe(201);
    expect(
      (await publish({ name: '@acme/tool', version: '1.1.0-rc.1', tags: { next: '1.1.0-rc.1' }, manifest })).status,
    ).toBe(201);

    const full = await get('/@acme%2ftool');
    expect(full.json).toMatchObject({
      name: '@acme/tool',
      description: 'A tool',
      'dist-tags': { latest: '1.0.0', next: '1.1.0-rc.1' },
      versions: {
        '1.0.0': {
          ...manifest,
          dist: { tarball: 'http://registry.test/npm/@acme/tool/-/tool-1.0.0.tgz', fileCount: 1 },
        },
      },
    });
    for (const spelled of ['/@acme/tool', '/%40acme%2Ftool', '/%40acme/tool'])
      expect((await get(spelled)).text).toBe(full.text);

    const short = await get('/@acme/tool', { accept: `${SHORT}; q=1.0, application/json; q=0.8, */*` });
    expect(short.headers).toMatchObject({ 'content-type': SHORT, vary: expect.stringContaining('Accept') });
    const version = (short.json as { versions: Record<string, object> }).versions['1.0.0'];
    expect(version).toMatchObject({ name: '@acme/tool', dependencies: { other: '^1.0.0' }, hasInstallScript: true });
    expect(version).not.toHaveProperty('scripts');
    expect(version).not.toHaveProperty('deprecated');
    expect(await get('/@acme/tool?write=true', { accept: SHORT })).toMatchObject({ text: full.text });

    const tarball = await get('/@acme/tool/-/tool-1.0.0.tgz');
    expect(tarball.status).toBe(200);
    expect(gunzipSync(tarball.bytes).toString()).toContain('"A tool"');
    expect((await get('/@acme/tool/next')).json).toMatchObject({ version: '1.1.0-rc.1' });
    expect((await get('/@acme/tool/1.0.0')).json).toEqual(
      (full.json as { versions: Record<string, object> }).versions['1.0.0'],
    );
    expectRefused(await get('/@acme/tool/9.9.9'), 404, 'NOT_FOUND');
    expectRefused(await get('/@acme/tool/-/tool-9.9.9.tgz'), 404, 'NOT_FOUND');
    expectRefused(await get('/nothing'), 404, 'NOT_FOUND');
  });

  it('never change: a version is published once, by one of those who try at once', async () => {
    const { publish, get } = await open(kind);
    const tries = await Promise.all(
      Array.from({ length: 8 }, (_, n) => publish({ name: 'tool', version: '1.0.0', manifest: { n } })),
    );
    expect(tries.map(({ status }) => status).sort()).toEqual([201, ...new Array(7).fill(409)]);
    const winner = tries.findIndex(({ status }) => status === 201);
    expect((await get('/tool/1.0.0')).json).toMatchObject({ n: winner });
    expectRefused(await publish({ name: 'tool', version: '1.0.0' }), 409, 'ALREADY_EXISTS');
  });

  it('take many versions at once, and their tags move with them', async () => {
    const { publish, get } = await open(kind);
    await publish({ name: 'tool', version: '0.0.0' });
    const versions = Array.from({ length: 12 }, (_, n) => `1.${n}.0`);
    const answers = await Promise.all(versions.map((version) => publish({ name: 'tool', version })));
    expect(answers.map(({ status }) => status)).toEqual(versions.map(() => 201));
    const packument = (await get('/tool')).json as { versions: object; 'dist-tags': { latest: string }; time: object };
    expect(Object.keys(packument.versions).sort()).toEqual(['0.0.0', ...versions].sort());
    expect(versions).toContain(packument['dist-tags'].latest);
    expect(Object.keys(packument.time)).toHaveLength(versions.length + 3);
  });

  it('are deprecated and no longer deprecated by their whole document, of which nothing else counts', async () => {
    const { as, publish, get } = await open(kind);
    await publish({ name: 'tool', version: '1.0.0', manifest: { description: 'old' } });
    await publish({ name: 'tool', version: '2.0.0', manifest: { description: 'new' } });
    const seen = (await get('/tool?write=true')).json as { versions: Record<string, object>; _rev: string };
    const change = (deprecated: string) => ({
      ...seen,
      'dist-tags': { latest: '1.0.0' },
      versions: { ...seen.versions, '1.0.0': { ...seen.versions['1.0.0'], deprecated, description: 'other' } },
    });
    expect((await as('PUT', '/tool', change('use 2'))).status).toBe(201);
    expect((await get('/tool')).json).toMatchObject({
      'dist-tags': { latest: '2.0.0' },
      versions: { '1.0.0': { deprecated: 'use 2', description: 'old' }, '2.0.0': { description: 'new' } },
    });
    expectRefused(await as('PUT', '/tool', change('again')), 409, 'CONFLICT_REV');
    const { _rev, ...unseen } = change('');
    expect((await as('PUT', '/tool', unseen)).status).toBe(201);
    expect((await get('/tool/1.0.0')).json).not.toHaveProperty('deprecated');
  });

  it('are tagged: tags move, go and never look like versions', async () => {
    const { as, publish, get } = await open(kind);
    await publish({ name: '@acme/tool', version: '1.0.0', manifest: { description: 'one' } });
    await publish({ name: '@acme/tool', version: '2.0.0', manifest: { description: 'two' } });
    expect((await as('PUT', '/-/package/@acme%2ftool/dist-tags/latest', '"1.0.0"')).status).toBe(201);
    expect((await get('/@acme/tool')).json).toMatchObject({ description: 'one' });
    await as('PUT', '/-/package/@acme%2ftool/dist-tags/old', '"1.0.0"');
    expect((await get('/-/package/@acme%2ftool/dist-tags')).json).toEqual({ latest: '1.0.0', old: '1.0.0' });
    expect((await as('DELETE', '/-/package/@acme%2ftool/dist-tags/old')).status).toBe(200);
    expect((await get('/-/package/@acme%2ftool/dist-tags')).json).toEqual({ latest: '1.0.0' });
    expectRefused(await as('DELETE', '/-/package/@acme%2ftool/dist-tags/old'), 404, 'NOT_FOUND');
    expectRefused(await as('DELETE', '/-/package/@acme%2ftool/dist-tags/latest'), 400, 'TAG_INVALID');
    expectRefused(await as('PUT', '/-/package/@acme%2ftool/dist-tags/old', '"3.0.0"'), 404, 'NOT_FOUND');
    for (const tag of ['1.0.0', 'v1', '1', 'x', '__proto__', '%5E1', 'a%20b'])
      expectRefused(await as('PUT', `/-/package/@acme%2ftool/dist-tags/${tag}`, '"1.0.0"'), 400, 'TAG_INVALID');
  });

  it('are unpublished for good, by the version and as a whole', async () => {
    const { as, publish, get } = await open(kind);
    for (const version of ['1.0.0', '2.0.0']) await publish({ name: 'tool', version });
    const seen = (await get('/tool?write=true')).json as { _rev: string; versions: Record<string, object> };
    const { '2.0.0': _gone, ...kept } = seen.versions;
    const change = { ...seen, versions: kept, 'dist-tags': { latest: '1.0.0', lost: '2.0.0' } };
    expectRefused(await as('PUT', '/tool/-rev/0-0', change), 409, 'CONFLICT_REV');
    expect((await as('PUT', `/tool/-rev/${seen._rev}`, change)).status).toBe(201);
    const left = (await get('/tool')).json as { _rev: string };
    expect(left).toMatchObject({ 'dist-tags': { latest: '1.0.0' } });
    expect((await as('DELETE', `/tool/-/tool-2.0.0.tgz/-rev/${left._rev}`)).status).toBe(200);
    expectRefused(await as('DELETE', `/tool/-/tool-1.0.0.tgz/-rev/${left._rev}`), 409, 'CONFLICT');
    expectRefused(await get('/tool/-/tool-2.0.0.tgz'), 404, 'NOT_FOUND');
    expectRefused(await publish({ name: 'tool', version: '2.0.0' }), 409, 'ALREADY_EXISTS');
    expect((await as('DELETE', `/tool/-rev/${left._rev}`)).status).toBe(200);
    expectRefused(await get('/tool'), 404, 'NOT_FOUND');
    expectRefused(await publish({ name: 'tool', version: '1.0.0' }), 409, 'ALREADY_EXISTS');
    expect((await publish({ name: 'tool', version: '3.0.0' })).status).toBe(201);
  });

  it('have maintainers and those who star them', async () => {
    const { as, publish, get } = await open(kind);
    await publish({ name: 'tool', version: '1.0.0' });
    const seen = (await get('/tool')).json as { _rev: string; maintainers: object[] };
    expect(seen.maintainers).toEqual([{ name: 'admin', email: '' }]);
    const maintainers = [...seen.maintainers, { name: 'bob', email: 'bob@acme.test' }];
    expect((await as('PUT', `/tool/-rev/${seen._rev}`, { _id: 'tool', _rev: seen._rev, maintainers })).status).toBe(
      201,
    );
    const changed = (await get('/tool')).json as { _rev: string };
    expect(changed).toMatchObject({ maintainers, versions: { '1.0.0': {} } });
    expect((await as('PUT', `/tool/-rev/${changed._rev}`, { maintainers: [] })).status).toBe(422);
    expect(
      (await as('PUT', '/tool', { _id: 'tool', _rev: changed._rev, users: { admin: true, bob: true } })).status,
    ).toBe(201);
    expect((await get('/tool')).json).toMatchObject({ users: { admin: true } });
    await as('PUT', '/tool', { _id: 'tool', users: {} });
    expect(((await get('/tool')).json as { users: object }).users).toEqual({});
  });

  it('bring attestations of where they were built', async () => {
    const { as, get } = await open(kind);
    const payload = Buffer.from(
      JSON.stringify({ predicateType: 'https://slsa.dev/provenance/v1', subject: [] }),
    ).toString('base64');
    const bundle = { mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2', dsseEnvelope: { payload } };
    const document = (await publication({ name: '@acme/tool', version: '1.0.0' })) as {
      _attachments: Record<string, object>;
    };
    document._attachments['@acme/tool-1.0.0.sigstore'] = {
      content_type: bundle.mediaType,
      data: JSON.stringify(bundle),
      length: 1,
    };
    expect((await as('PUT', '/@acme%2ftool', document)).status).toBe(201);
    const { dist } = (await get('/@acme/tool/1.0.0')).json as { dist: { attestations: { url: string } } };
    expect(dist.attestations).toEqual({
      url: 'http://registry.test/npm/-/npm/v1/attestations/@acme/tool@1.0.0',
      provenance: { predicateType: 'https://slsa.dev/provenance/v1' },
    });
    for (const spelled of ['@acme/tool@1.0.0', '@acme%2ftool@1.0.0']) {
      const answer = await get(`/-/npm/v1/attestations/${spelled}`);
      expect(answer.json).toEqual({ attestations: [{ predicateType: 'https://slsa.dev/provenance/v1', bundle }] });
    }
    expectRefused(await get('/-/npm/v1/attestations/@acme%2ftool@2.0.0'), 404, 'NOT_FOUND');
  });

  it('are for everybody to read and for users to write', async () => {
    const { publish, get } = await open(kind);
    await publish({ name: 'tool', version: '1.0.0' });
    const { registry } = await open(kind);
    expect(registry).toBeDefined();
    const anonymous = await get('/-/whoami');
    expect(anonymous.status).toBe(401);
    expect(anonymous.headers).toHaveProperty('www-authenticate');
  });
});
