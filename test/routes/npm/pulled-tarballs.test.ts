import { randomBytes } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startServer } from '../../adapters/upstream-server.ts';
import { ADMIN, STORE_KINDS } from '../../support/registry.ts';
import { stateOf } from '../../support/registry-state.ts';
import { hashesOf, openNpmUpstream } from './npm-upstream.ts';
import { expectRefused, openPulling } from './pulling-registry.ts';

/** In several pieces on the wire, and never held whole by who passes it on. */
const LARGE = randomBytes(300_000).toString('base64');

describe.each(STORE_KINDS)('tarballs of an upstream, on %s', (kind) => {
  it('are kept only with the bytes that they should have', async () => {
    const upstream = await openNpmUpstream();
    for (const [version, content] of [
      ['1.0.0', 'x'],
      ['2.0.0', LARGE],
    ] as const) {
      const { tarball } = await upstream.release({ name: 'tool', version, content });
      const { get, registry } = await openPulling(kind, upstream);
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
    const { get } = await openPulling(kind, upstream);
    const right = await upstream.release({ name: 'old', version: '1.0.0', dist: { integrity: undefined } });
    expect((await get('/old/-/old-1.0.0.tgz')).bytes.equals(right.tarball)).toBe(true);
    expect((await get('/old')).json.versions['1.0.0'].dist).not.toHaveProperty('integrity');
    await upstream.release({ name: 'bad', version: '1.0.0', dist: { integrity: undefined, shasum: 'ab'.repeat(20) } });
    expectRefused(await get('/bad/-/bad-1.0.0.tgz'), 502, 'UPSTREAM_FAILED');
    const { integrity, shasum } = hashesOf(right.tarball);
    const sha1 = `sha1-${Buffer.from(shasum, 'hex').toString('base64')}`;
    for (const [name, stated] of [
      ['two', `${sha1} ${integrity}`],
      ['sha', sha1],
    ] as const) {
      const dist = { integrity: stated, shasum: undefined };
      await upstream.release({ name, version: '1.0.0', bytes: right.tarball, dist });
      expect((await get(`/${name}/-/${name}-1.0.0.tgz`)).bytes.equals(right.tarball)).toBe(true);
    }
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
    const { get } = await openPulling(kind, upstream, { upstream: { auth } });
    const { json } = await get('/tool');
    expect(json.versions['1.0.0'].dist.tarball).toBe('http://registry.test/npm/tool/-/tool-1.0.0.tgz');
    expect((await get('/tool/-/tool-1.0.0.tgz', ADMIN)).bytes.equals(bytes)).toBe(true);
    expect(upstream.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer secret-of-ours']);
    expect(elsewhere.requests).toMatchObject([{ line: 'GET /files/x?y=1' }]);
    expect(elsewhere.requests[0]?.headers).not.toHaveProperty('authorization');
  });
});

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length - 9]! ^= 1;
  return copy;
}
