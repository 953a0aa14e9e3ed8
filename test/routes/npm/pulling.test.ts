import { randomBytes } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/shared/clock.ts';
import { startServer } from '../../adapters/upstream-server.ts';
import { packagesRegistry } from '../../support/packages-registry.ts';
import { ADMIN, openTestRegistry, STORE_KINDS, type StoreKind, type TestResponse } from '../../support/registry.ts';
import { stateOf } from '../../support/registry-state.ts';
import { hashesOf, type NpmUpstream, openNpmUpstream } from './npm-upstream.ts';
import { publication } from './published.ts';

const SHORT = 'application/vnd.npm.install-v1+json';
const DAY_MS = 86_400_000;

/** Everything but what is Acme's comes from the upstream. */
const SOURCES = [
  { names: '@acme/*', is: null },
  { names: 'acme-*', is: null },
  { names: '**', is: 'upstream' },
];

interface Settings {
  readonly features?: object;
  readonly upstream?: object;
  readonly access?: object;
  readonly data?: string;
}

/** A registry that pulls from the upstream, on a clock that the test moves. */
async function open(kind: StoreKind, { origin }: Pick<NpmUpstream, 'origin'>, settings: Settings = {}) {
  let aheadMs = 0;
  const advance = (ms: number) => {
    aheadMs += ms;
  };
  const clock = { ...systemClock, now: () => Date.now() + aheadMs, advance };
  const npm = {
    allow_private_addresses: true,
    retry: { max_attempts: 1, backoff_ms: 1 },
    circuit: { failures: 1000, open_ms: 1 },
    ...settings.upstream,
  };
  const features = { npm_sources: SOURCES, ...settings.features };
  const patch = {
    env: ['ENTREPOT_ORIGIN_URL', 'ENTREPOT_NPM_URL', 'UPSTREAM_TOKEN'],
    upstreams: { npm },
    features,
    access: settings.access ?? {},
  };
  const test = await openTestRegistry(packagesRegistry(patch), {
    kind,
    clock,
    env: { ENTREPOT_NPM_URL: origin, UPSTREAM_TOKEN: 'secret-of-ours' },
    ...(settings.data === undefined ? {} : { data: settings.data }),
  });
  const get = (target: string, headers: Record<string, string> = {}) => test.send('GET', `/npm${target}`, { headers });
  return {
    ...test,
    clock,
    get,
    short: (target: string) => get(target, { accept: SHORT }),
    versions: async (target: string) => Object.keys((await get(target)).json.versions),
    put: (target: string, body: object) => test.send('PUT', `/npm${target}`, { headers: ADMIN, body }),
  };
}

/** An error that a person understands, by its code. */
function expectRefused(response: TestResponse, status: number, code: string) {
  expect({ status: response.status, json: response.json }).toMatchObject({ status, json: { code } });
  expect(response.json.error).toMatch(/^[A-Z@a-z].{10,}$/);
}

/** In several pieces on the wire, and never held whole by who passes it on. */
const LARGE = randomBytes(300_000).toString('base64');

describe.each(STORE_KINDS)('packages of an upstream, on %s', (kind) => {
  it('are read in full and short, by version and by tag, and fetched, once', async () => {
    const upstream = await openNpmUpstream();
    const manifest = { description: 'A tool', dependencies: { other: '^1.0.0' }, scripts: { postinstall: 'x' } };
    const { tarball } = await upstream.release({ name: '@far/tool', version: '1.0.0', manifest });
    const { get, short } = await open(kind, upstream);

    const full = await get('/@far%2ftool');
    const address = 'http://registry.test/npm/@far/tool/-/tool-1.0.0.tgz';
    expect(full.json).toMatchObject({
      name: '@far/tool',
      'dist-tags': { latest: '1.0.0' },
      time: { '1.0.0': '2020-01-01T00:00:00.000Z' },
      versions: { '1.0.0': { ...manifest, dist: { ...hashesOf(tarball), tarball: address } } },
    });
    const less = await short('/@far/tool');
    expect(less.headers['content-type']).toBe(SHORT);
    expect(less.json).toEqual({
      name: '@far/tool',
      modified: '2020-01-01T00:00:00.000Z',
      'dist-tags': { latest: '1.0.0' },
      versions: {
        '1.0.0': {
          name: '@far/tool',
          version: '1.0.0',
          dependencies: { other: '^1.0.0' },
          hasInstallScript: true,
          dist: { ...hashesOf(tarball), tarball: address },
        },
      },
    });
    for (const version of ['1.0.0', 'latest'])
      expect((await get(`/@far/tool/${version}`)).json).toEqual(full.json.versions['1.0.0']);
    expect((await get('/-/package/@far%2ftool/dist-tags')).json).toEqual({ latest: '1.0.0' });
    for (const _ of [1, 2]) expect((await get('/@far/tool/-/tool-1.0.0.tgz')).bytes.equals(tarball)).toBe(true);
    expect(upstream.requests.map(({ line }) => line)).toEqual([
      'GET /%40far%2Ftool',
      'GET /@far/tool/-/tool-1.0.0.tgz',
    ]);
    expectRefused(await get('/@far/tool/2.0.0'), 404, 'NOT_FOUND');
    for (const file of ['tool-2.0.0.tgz', 'tool-1.0.0.zip', 'x', 'loot-1.0.0.tgz', 'tool-__proto__.tgz'])
      expectRefused(await get(`/@far/tool/-/${file}`), 404, 'NOT_FOUND');
  });

  it('are fresh for a while, then asked for again by their entity tag', async () => {
    const upstream = await openNpmUpstream();
    await upstream.release({ name: 'tool', version: '1.0.0' });
    const { get, versions, clock } = await open(kind, upstream);
    const first = await get('/tool');
    clock.advance(299_000);
    expect(await get('/tool')).toMatchObject({ status: 200, text: first.text });
    expect(upstream.requests.length).toBe(1);

    clock.advance(2000);
    expect(await get('/tool')).toMatchObject({ text: first.text, headers: { etag: first.headers.etag } });
    expect(await get('/tool', { 'if-none-match': String(first.headers.etag) })).toMatchObject({ status: 304 });
    expect(upstream.requests.map(({ headers }) => headers['if-none-match'])).toEqual([
      undefined,
      expect.stringMatching(/^"[0-9a-f]{64}"$/),
    ]);

    await upstream.release({ name: 'tool', version: '2.0.0' });
    expect(await versions('/tool')).toEqual(['1.0.0']);
    clock.advance(301_000);
    expect(await versions('/tool')).toEqual(['1.0.0', '2.0.0']);
    expect(upstream.requests.length).toBe(3);
  });

  it('that come without an entity tag are the same while their bytes are', async () => {
    const upstream = await startServer((_request, response) => void response.end('{"name":"tool","versions":{}}'));
    onTestFinished(() => upstream.close());
    const { registry, get, clock } = await open(kind, upstream);
    await get('/tool');
    const written = async () => (await stateOf(registry)).versions.filter((one) => one.startsWith('npm.remote '));
    const before = await written();
    clock.advance(301_000);
    await get('/tool');
    expect(upstream.requests.length).toBe(2);
    expect([before.length, await written()]).toEqual([1, before]);
  });

  it('that are known are served while the upstream fails, and others are not found to be absent', async () => {
    const upstream = await openNpmUpstream();
    await upstream.release({ name: 'tool', version: '1.0.0' });
    const { get, clock } = await open(kind, upstream, { upstream: { timeouts_ms: { connect: 500, read: 100 } } });
    const known = await get('/tool');
    const failures: NonNullable<NpmUpstream['answer']>[] = [
      (_request, response) => response.writeHead(500).end('broken'),
      (_request, response) => response.writeHead(403).end('who?'),
      (request) => request.socket.destroy(),
      () => 'nothing, ever',
      (_request, response) =>
        response.writeHead(200, { 'content-length': '1000' }).write('{', () => response.destroy()),
      (_request, response) => response.end('<!doctype html><title>Log in to this network</title>'),
      (_request, response) => response.end('[]'),
    ];
    for (const [at, failure] of failures.entries()) {
      upstream.answer = failure;
      clock.advance(301_000);
      const before = upstream.requests.length;
      expect(await get('/tool')).toMatchObject({ status: 200, text: known.text });
      // It is left alone for a moment.
      expect((await get('/tool')).status).toBe(200);
      expect(upstream.requests.length).toBe(before + 1);
      expectRefused(await get(`/other-${at}`), 502, 'UPSTREAM_FAILED');
      expectRefused(await get(`/other-${at}/-/other-${at}-1.0.0.tgz`), 502, 'UPSTREAM_FAILED');
    }
    upstream.answer = null;
    clock.advance(61_000);
    await upstream.release({ name: 'tool', version: '2.0.0' });
    expect(Object.keys((await get('/tool')).json.versions)).toEqual(['1.0.0', '2.0.0']);
  });

  it('that are not there are not asked for again at once, and those that are removed there go', async () => {
    const upstream = await openNpmUpstream();
    const { get, clock } = await open(kind, upstream);
    for (const target of ['/tool', '/tool/latest', '/tool/-/tool-1.0.0.tgz', '/-/package/tool/dist-tags'])
      expectRefused(await get(target), 404, 'NOT_FOUND');
    expect(upstream.requests.length).toBe(1);
    const { tarball } = await upstream.release({ name: 'tool', version: '1.0.0' });
    expectRefused(await get('/tool'), 404, 'NOT_FOUND');
    clock.advance(61_000);
    expect((await get('/tool')).status).toBe(200);
    await get('/tool/-/tool-1.0.0.tgz');
    upstream.remove('tool');
    expect((await get('/tool')).status).toBe(200);
    clock.advance(301_000);
    expectRefused(await get('/tool'), 404, 'NOT_FOUND');
    // Lock files that name it still hold.
    expect((await get('/tool/-/tool-1.0.0.tgz')).bytes.equals(tarball)).toBe(true);
  });

  it('are asked for once by all who want them at a time', async () => {
    const upstream = await openNpmUpstream();
    const { tarball } = await upstream.release({ name: 'tool', version: '1.0.0', content: LARGE });
    const { get, registry } = await open(kind, upstream);
    const many = (target: string) => Promise.all(Array.from({ length: 50 }, () => get(target)));
    const packuments = await many('/tool');
    expect(new Set(packuments.map(({ status }) => status))).toEqual(new Set([200]));
    expect(upstream.count('GET /tool')).toBe(1);
    const tarballs = await many('/tool/-/tool-1.0.0.tgz');
    expect(tarballs.every(({ bytes }) => bytes.equals(tarball))).toBe(true);
    expect(upstream.count('GET /tool/-/tool-1.0.0.tgz')).toBe(1);
    expect(new Set((await many('/none')).map(({ status }) => status))).toEqual(new Set([404]));
    expect(upstream.count('GET /none')).toBe(1);
    // The packument and the tarball.
    expect((await stateOf(registry)).blobs.length).toBe(2);
  });

  it('are kept only with the bytes that they should have', async () => {
    const upstream = await openNpmUpstream();
    for (const [version, content] of [
      ['1.0.0', 'x'],
      ['2.0.0', LARGE],
    ] as const) {
      const { tarball } = await upstream.release({ name: 'tool', version, content });
      const { get, registry } = await open(kind, upstream);
      await get('/tool');
      const target = `/tool/-/tool-${version}.tgz`;
      const { blobs } = await stateOf(registry);
      for (const wrong of [flipped(tarball), tarball.subarray(0, -1), Buffer.concat([tarball, tarball])]) {
        upstream.answer = (_request, response) => response.end(wrong);
        const answer = await get(target).catch(() => null);
        // What is large is cut off before its end.
        if (answer !== null) expectRefused(answer, 502, 'UPSTREAM_FAILED');
        else expect(content).toBe(LARGE);
        expect(await stateOf(registry)).toMatchObject({ blobs, records: { 'npm.remote_tarball': [] } });
      }
      upstream.answer = (_request, response) => response.writeHead(503).end();
      expectRefused(await get(target), 502, 'UPSTREAM_FAILED');
      upstream.answer = (_request, response) => response.writeHead(404).end();
      expectRefused(await get(target), 404, 'NOT_FOUND');
      upstream.answer = (request) => request.socket.destroy();
      expectRefused(await get(target), 502, 'UPSTREAM_FAILED');
      upstream.answer = null;
      expect((await get(target)).bytes.equals(tarball)).toBe(true);
    }
  });

  it('are checked by whatever the upstream knows of them', async () => {
    const upstream = await openNpmUpstream();
    const { get } = await open(kind, upstream);
    const right = await upstream.release({ name: 'old', version: '1.0.0', dist: { integrity: undefined } });
    expect((await get('/old/-/old-1.0.0.tgz')).bytes.equals(right.tarball)).toBe(true);
    expect((await get('/old')).json.versions['1.0.0'].dist).not.toHaveProperty('integrity');
    await upstream.release({ name: 'bad', version: '1.0.0', dist: { integrity: undefined, shasum: 'ab'.repeat(20) } });
    expectRefused(await get('/bad/-/bad-1.0.0.tgz'), 502, 'UPSTREAM_FAILED');
    const both = hashesOf(right.tarball);
    await upstream.release({ name: 'two', version: '1.0.0', dist: { integrity: `${both.integrity} sha1-xxx` } });
    await upstream.release({ name: 'odd', version: '1.0.0', dist: { integrity: 'whatever' } });
    await upstream.release({ name: 'none', version: '1.0.0', dist: { integrity: undefined, shasum: undefined } });
    for (const name of ['odd', 'none'])
      expectRefused(await get(`/${name}/-/${name}-1.0.0.tgz`), 502, 'UPSTREAM_FAILED');
    for (const tarball of ['file:///etc/passwd', '/relative', 7, null]) {
      const name = `at-${String(tarball).length}`;
      await upstream.release({ name, version: '1.0.0', dist: { tarball } });
      const answer = await get(`/${name}/-/${name}-1.0.0.tgz`);
      expect([404, 502]).toContain(answer.status);
    }
  });

  it('have tarballs at any host, which credentials are not for, and are served from here', async () => {
    const upstream = await openNpmUpstream();
    const bytes = randomBytes(1000);
    const elsewhere = await startServer((_request, response) => void response.end(bytes));
    onTestFinished(() => elsewhere.close());
    const dist = { ...hashesOf(bytes), tarball: `${elsewhere.origin}/files/x?y=1` };
    await upstream.release({ name: 'tool', version: '1.0.0', dist });
    const auth = { mode: 'bearer_token', token_env: 'UPSTREAM_TOKEN' };
    const { get } = await open(kind, upstream, { upstream: { auth } });
    const { json } = await get('/tool');
    expect(json.versions['1.0.0'].dist.tarball).toBe('http://registry.test/npm/tool/-/tool-1.0.0.tgz');
    expect((await get('/tool/-/tool-1.0.0.tgz', ADMIN)).bytes.equals(bytes)).toBe(true);
    expect(upstream.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer secret-of-ours']);
    expect(elsewhere.requests).toMatchObject([{ line: 'GET /files/x?y=1' }]);
    expect(elsewhere.requests[0]?.headers).not.toHaveProperty('authorization');
  });

  it('are never looked for under a name that is of here', async () => {
    const upstream = await openNpmUpstream();
    await upstream.release({ name: '@acme/tool', version: '9.0.0' });
    const { get, put, versions } = await open(kind, upstream);
    for (const target of ['', '/9.0.0', '/-/tool-9.0.0.tgz'])
      expectRefused(await get(`/@acme/tool${target}`), 404, 'NOT_FOUND');
    expectRefused(await get('/acme-none'), 404, 'NOT_FOUND');
    const mine = await publication({ name: '@acme/tool', version: '1.0.0' });
    expect((await put('/@acme%2ftool', mine)).status).toBe(201);
    expect(await versions('/@acme/tool')).toEqual(['1.0.0']);
    expectRefused(await get('/@acme/tool/-/tool-9.0.0.tgz'), 404, 'NOT_FOUND');
    expect(upstream.requests).toEqual([]);
    expectRefused(await put('/theirs', await publication({ name: 'theirs', version: '1.0.0' })), 403, 'NAME_ELSEWHERE');
    expectRefused(await put('/-/package/theirs/dist-tags/x', { a: 1 }), 400, 'SCHEMA_INVALID');
  });

  it('never stand in front of one that was published here, nor beside it', async () => {
    const upstream = await openNpmUpstream();
    for (const version of ['1.0.0', '2.0.0']) await upstream.release({ name: 'tool', version });
    const before = await open(kind, upstream, { features: { npm_sources: [] } });
    expect((await before.put('/tool', await publication({ name: 'tool', version: '1.0.0' }))).status).toBe(201);
    if (kind === 'memory') return;
    await before.registry.close();
    const { get, versions } = await open(kind, upstream, { data: before.data });
    expect(await versions('/tool')).toEqual(['1.0.0']);
    for (const target of ['/2.0.0', '/-/tool-2.0.0.tgz']) expectRefused(await get(`/tool${target}`), 404, 'NOT_FOUND');
    expect((await get('/tool/-/tool-1.0.0.tgz')).status).toBe(200);
    expect(upstream.requests).toEqual([]);
  });

  it('are left out while they are too young', async () => {
    const upstream = await openNpmUpstream();
    const { get, short, versions, clock } = await open(kind, upstream, { features: { npm_min_age_days: 7 } });
    const ago = (days: number) => new Date(clock.now() - days * DAY_MS).toISOString();
    const release = (version: string, days: number, tags: Record<string, string>) =>
      upstream.release({ name: 'tool', version, at: ago(days) }, tags);
    await release('1.9.0', 300, { latest: '1.9.0' });
    await release('1.10.0', 200, { latest: '1.10.0' });
    await release('2.0.0', 100, { next: '2.0.0' });
    await release('1.11.0-rc.1', 50, { rc: '1.11.0-rc.1' });
    await release('1.11.0', 6, { latest: '1.11.0' });
    await release('3.0.0', 1, { next: '3.0.0' });
    const old = ['1.9.0', '1.10.0', '2.0.0', '1.11.0-rc.1'];
    const tags = { rc: '1.11.0-rc.1', latest: '1.10.0' };
    for (const answer of [await get('/tool'), await short('/tool')]) {
      expect(Object.keys(answer.json.versions)).toEqual(old);
      expect(answer.json['dist-tags']).toEqual(tags);
    }
    expect(Object.keys((await get('/tool')).json.time).sort()).toEqual([...old, 'modified'].sort());
    expect((await get('/-/package/tool/dist-tags')).json).toEqual(tags);
    expect((await get('/tool/latest')).json.version).toBe('1.10.0');
    for (const target of ['/1.11.0', '/next', '/-/tool-1.11.0.tgz', '/-/tool-3.0.0.tgz'])
      expectRefused(await get(`/tool${target}`), 404, 'NOT_FOUND');
    expect((await get('/tool/-/tool-1.10.0.tgz')).status).toBe(200);
    clock.advance(1.1 * DAY_MS);
    expect(await versions('/tool')).toEqual([...old, '1.11.0']);
    expect((await get('/tool')).json['dist-tags']).toEqual({ rc: '1.11.0-rc.1', latest: '1.11.0' });
    expect((await get('/tool/-/tool-1.11.0.tgz')).status).toBe(200);

    await upstream.release({ name: 'pre', version: '1.0.0-a.2', at: ago(20) });
    await upstream.release({ name: 'pre', version: '1.0.0-a.10', at: ago(10) });
    await upstream.release({ name: 'pre', version: '1.0.0', at: ago(0) });
    expect((await get('/pre')).json['dist-tags']).toEqual({ latest: '1.0.0-a.10' });
    await upstream.release({ name: 'new', version: '1.0.0', at: ago(0) });
    expect((await get('/new')).json).toMatchObject({ versions: {}, 'dist-tags': {} });
  });

  it('are for those who may read them', async () => {
    const upstream = await openNpmUpstream();
    await upstream.release({ name: '@secret/tool', version: '1.0.0' });
    const rule = (names: string, read: string) => ({
      names,
      read: [read],
      publish: ['$authenticated'],
      unpublish: ['$authenticated'],
    });
    const { get } = await open(kind, upstream, {
      access: { 'npm.package': [rule('@secret/*', '$authenticated'), rule('**', '$all')] },
    });
    const targets = ['', '/1.0.0', '/-/tool-1.0.0.tgz'].map((rest) => `/@secret/tool${rest}`);
    for (const target of targets) expect((await get(target)).status).toBe(401);
    expect(upstream.requests).toEqual([]);
    for (const target of targets) expect((await get(target, ADMIN)).status).toBe(200);
    for (const target of targets) expect((await get(target)).status).toBe(401);
  });

  it.skipIf(kind === 'memory')('stay when the registry starts again, and when the upstream is gone', async () => {
    const upstream = await openNpmUpstream();
    const { tarball } = await upstream.release({ name: 'tool', version: '1.0.0' });
    const before = await open(kind, upstream);
    const packument = await before.get('/tool');
    await before.get('/tool/-/tool-1.0.0.tgz');
    await before.registry.close();
    await upstream.close();
    const { get, clock } = await open(kind, upstream, { data: before.data });
    clock.advance(400_000);
    expect((await get('/tool')).text).toBe(packument.text);
    expect((await get('/tool/-/tool-1.0.0.tgz')).bytes.equals(tarball)).toBe(true);
  });

  it('are asked for again, after failures, only once the upstream was left alone for a while', async () => {
    const upstream = await openNpmUpstream();
    const { get, clock } = await open(kind, upstream, { upstream: { circuit: { failures: 2, open_ms: 30_000 } } });
    upstream.answer = (_request, response) => response.writeHead(500).end();
    for (const name of ['a', 'b', 'c', 'd']) expectRefused(await get(`/${name}`), 502, 'UPSTREAM_FAILED');
    expect(upstream.requests.length).toBe(2);
    upstream.answer = null;
    await upstream.release({ name: 'a', version: '1.0.0' });
    clock.advance(31_000);
    expect((await get('/a')).status).toBe(200);
  });
});

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length - 9]! ^= 1;
  return copy;
}
