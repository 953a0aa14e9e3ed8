import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startServer } from '../../adapters/upstream-server.ts';
import { openRawConnection } from '../../support/raw-request.ts';
import { ADMIN, STORE_KINDS } from '../../support/registry.ts';
import { stateOf } from '../../support/registry-state.ts';
import { serveRegistry } from '../../support/serve-registry.ts';
import { hashesOf, type NpmUpstream, openNpmUpstream } from './npm-upstream.ts';
import { publication } from './published.ts';
import { expectRefused, openPulling, SHORT } from './pulling-registry.ts';

const DAY_MS = 86_400_000;

/** In several pieces on the wire, and never held whole by who passes it on. */
const LARGE = randomBytes(300_000).toString('base64');

describe.each(STORE_KINDS)('packages of an upstream, on %s', (kind) => {
  it('are read in full and short, by version and by tag, and fetched, once', async () => {
    const upstream = await openNpmUpstream();
    const manifest = { description: 'A tool', dependencies: { other: '^1.0.0' }, scripts: { postinstall: 'x' } };
    const { tarball } = await upstream.release({ name: '@far/tool', version: '1.0.0', manifest });
    const { get, short } = await openPulling(kind, upstream);

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
    const { get, versions, clock } = await openPulling(kind, upstream);
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
    const { registry, get, clock } = await openPulling(kind, upstream);
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
    const { get, clock } = await openPulling(kind, upstream, {
      upstream: { timeouts_ms: { connect: 500, read: 100 } },
    });
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
    const { get, clock } = await openPulling(kind, upstream);
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
    const { get, registry } = await openPulling(kind, upstream);
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

  it('are asked for again at once where who asked first has left', async () => {
    const upstream = await openNpmUpstream();
    await upstream.release({ name: 'tool', version: '1.0.0' });
    const { registry, versions, clock } = await openPulling(kind, upstream);
    await versions('/tool');
    const server = await serveRegistry(registry);
    const asked = Promise.withResolvers<IncomingMessage>();
    upstream.answer = asked.resolve;
    await upstream.release({ name: 'tool', version: '2.0.0' });
    clock.advance(301_000);
    const client = await openRawConnection(server.port);
    client.send('GET /npm/tool HTTP/1.1\r\nHost: a\r\n\r\n');
    const { socket } = await asked.promise;
    const gone = new Promise((resolve) => socket.once('close', resolve));
    client.close();
    await gone;
    upstream.answer = null;
    expect(await versions('/tool')).toEqual(['1.0.0', '2.0.0']);
  });

  it('are never looked for under a name that is of here', async () => {
    const upstream = await openNpmUpstream();
    await upstream.release({ name: '@acme/tool', version: '9.0.0' });
    const { get, put, versions } = await openPulling(kind, upstream);
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

  it.skipIf(kind === 'memory')('never stand in front of one that was published here, nor beside it', async () => {
    const upstream = await openNpmUpstream();
    for (const version of ['1.0.0', '2.0.0']) await upstream.release({ name: 'tool', version });
    const before = await openPulling(kind, upstream, { features: { npm_sources: [] } });
    expect((await before.put('/tool', await publication({ name: 'tool', version: '1.0.0' }))).status).toBe(201);
    await before.registry.close();
    const { get, versions } = await openPulling(kind, upstream, { data: before.data });
    expect(await versions('/tool')).toEqual(['1.0.0']);
    for (const target of ['/2.0.0', '/-/tool-2.0.0.tgz']) expectRefused(await get(`/tool${target}`), 404, 'NOT_FOUND');
    expect((await get('/tool/-/tool-1.0.0.tgz')).status).toBe(200);
    expect(upstream.requests).toEqual([]);
  });

  it('are left out while they are too young', async () => {
    const upstream = await openNpmUpstream();
    const { get, short, versions, clock } = await openPulling(kind, upstream, { features: { npm_min_age_days: 7 } });
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
    const { get } = await openPulling(kind, upstream, {
      access: { 'npm.package': [rule('@secret/*', '$authenticated'), rule('**', '$all')] },
    });
    const targets = ['', '/1.0.0', '/-/tool-1.0.0.tgz'].map((rest) => `/@secret/tool${rest}`);
    targets.push('/-/package/@secret%2ftool/dist-tags');
    for (const target of targets) expect((await get(target)).status).toBe(401);
    expect(upstream.requests).toEqual([]);
    for (const target of targets) expect((await get(target, ADMIN)).status).toBe(200);
    for (const target of targets) expect((await get(target)).status).toBe(401);
  });

  it.skipIf(kind === 'memory')('stay when the registry starts again, and when the upstream is gone', async () => {
    const upstream = await openNpmUpstream();
    const { tarball } = await upstream.release({ name: 'tool', version: '1.0.0' });
    const before = await openPulling(kind, upstream);
    const packument = await before.get('/tool');
    await before.get('/tool/-/tool-1.0.0.tgz');
    await before.registry.close();
    await upstream.close();
    const { get, clock } = await openPulling(kind, upstream, { data: before.data });
    clock.advance(400_000);
    expect((await get('/tool')).text).toBe(packument.text);
    expect((await get('/tool/-/tool-1.0.0.tgz')).bytes.equals(tarball)).toBe(true);
  });

  it('are asked for again, after failures, only once the upstream was left alone for a while', async () => {
    const upstream = await openNpmUpstream();
    const { get, clock } = await openPulling(kind, upstream, {
      upstream: { circuit: { failures: 2, open_ms: 30_000 } },
    });
    upstream.answer = (_request, response) => response.writeHead(500).end();
    for (const name of ['a', 'b', 'c', 'd']) expectRefused(await get(`/${name}`), 502, 'UPSTREAM_FAILED');
    expect(upstream.requests.length).toBe(2);
    upstream.answer = null;
    await upstream.release({ name: 'a', version: '1.0.0' });
    clock.advance(31_000);
    expect((await get('/a')).status).toBe(200);
  });

  it.runIf(kind === 'sqlite')('may have thousands of versions, which hold nobody up', async () => {
    const manifest = { description: 'x'.repeat(3500) };
    const versions = Object.fromEntries(
      Array.from({ length: 5000 }, (_, n) => {
        const version = `1.${n}.0`;
        const dist = { tarball: `http://upstream.test/${version}.tgz`, shasum: 'ab'.repeat(20) };
        return [version, { name: 'huge', version, ...manifest, dependencies: { other: `^1.${n}.0` }, dist }];
      }),
    );
    const text = JSON.stringify({ name: 'huge', 'dist-tags': { latest: '1.4999.0' }, versions });
    expect(text.length).toBeGreaterThan(18_000_000);
    const upstream = await startServer((_request, response) => void response.end(text));
    onTestFinished(() => upstream.close());
    const { get, short } = await openPulling(kind, upstream);
    for (const read of [get, short]) {
      let turns = 0;
      const count = setInterval(() => turns++, 1);
      const answer = await read('/huge');
      clearInterval(count);
      expect(answer.status, answer.text.slice(0, 200)).toBe(200);
      expect(Object.keys(answer.json.versions).length).toBe(5000);
      expect(turns).toBeGreaterThan(10);
    }
    expect((await get('/huge/latest')).json.version).toBe('1.4999.0');
    expectRefused(await get('/huge/-/huge-2.0.0.tgz'), 404, 'NOT_FOUND');
  });
});
