import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { DEFAULT_REGISTRY } from '../../support/packages-registry.ts';
import { ADMIN, openTestRegistry } from '../../support/registry.ts';
import { expectUnchanged, stateOf } from '../../support/registry-state.ts';
import { type Entry, type Publication, publication, tarballOf } from './published.ts';

const VALID = { name: 'tool', version: '1.0.0' };
const MANIFEST: Entry = ['package/package.json', JSON.stringify(VALID)];

interface Case {
  readonly what: string;
  readonly status: number;
  readonly code: string;
  readonly given?: Partial<Publication>;
  /** Changes the document that would be right. */
  readonly change?: (document: Record<string, unknown>) => unknown;
  readonly tarball?: () => Promise<Buffer>;
  readonly target?: string;
}

const text = (document: unknown) => JSON.stringify(document);

const CASES: readonly Case[] = [
  { what: 'broken base64', status: 400, code: 'BASE64_INVALID', given: { attachment: { data: 'AB!C' } } },
  { what: 'base64 that stops short', status: 400, code: 'BASE64_INVALID', given: { attachment: { data: 'ABCDE' } } },
  { what: 'no data', status: 400, code: 'ATTACHMENT_INVALID', given: { attachment: { data: 12 } } },
  { what: 'a length that lies', status: 400, code: 'ATTACHMENT_INVALID', given: { attachment: { length: 7 } } },
  {
    what: 'another integrity',
    status: 400,
    code: 'DIGEST_MISMATCH',
    given: { dist: { integrity: `sha512-${Buffer.alloc(64).toString('base64')}` } },
  },
  { what: 'no hash at all', status: 400, code: 'DIGEST_INVALID', given: { dist: { integrity: 'md6-xx' } } },
  { what: 'another shasum', status: 400, code: 'DIGEST_MISMATCH', given: { dist: { shasum: '0'.repeat(40) } } },
  { what: 'a name that differs', status: 400, code: 'NAME_MISMATCH', target: '/npm/other' },
  { what: 'a manifest of another name', status: 400, code: 'NAME_MISMATCH', given: { manifest: { name: 'other' } } },
  {
    what: 'a manifest of another version',
    status: 400,
    code: 'NAME_MISMATCH',
    given: { manifest: { version: '2.0.0' } },
  },
  { what: 'a version that is none', status: 400, code: 'VERSION_INVALID', given: { version: '1.0' } },
  { what: 'a version with a leading zero', status: 400, code: 'VERSION_INVALID', given: { version: '1.02.0' } },
  { what: 'a version that leaves its folder', status: 400, code: 'VERSION_INVALID', given: { version: '../../1.0.0' } },
  {
    what: 'a version called __proto__',
    status: 400,
    code: 'VERSION_INVALID',
    change: (document) => text(document).replaceAll('"1.0.0":{', '"__proto__":{'),
  },
  {
    what: 'a tag called __proto__',
    status: 400,
    code: 'TAG_INVALID',
    change: (document) => text(document).replace('"latest"', '"__proto__"'),
  },
  { what: 'a tag like a version', status: 400, code: 'TAG_INVALID', given: { tags: { 'v1.2': '1.0.0' } } },
  { what: 'a tag of another version', status: 400, code: 'TAG_INVALID', given: { tags: { latest: '0.9.0' } } },
  { what: 'no version', status: 400, code: 'VERSIONS_INVALID', change: (document) => ({ ...document, versions: {} }) },
  {
    what: 'a hundred thousand versions',
    status: 422,
    code: 'ITEMS_LIMIT',
    change: (document) => ({
      ...document,
      versions: Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`1.0.${n}`, {}])),
    }),
  },
  { what: 'what is no document', status: 400, code: 'SCHEMA_INVALID', change: () => '[]' },
  { what: 'what is no JSON', status: 400, code: 'JSON_INVALID', change: () => '{"name":' },
  { what: 'a tarball that is none', status: 400, code: 'ARCHIVE_INVALID', tarball: async () => Buffer.from('hello') },
  {
    what: 'a tarball cut off',
    status: 400,
    code: 'ARCHIVE_INVALID',
    tarball: async () => (await tarballOf([MANIFEST])).subarray(0, 40),
  },
  {
    what: 'no package.json',
    status: 400,
    code: 'MANIFEST_MISMATCH',
    tarball: () => tarballOf([['package/index.js', '1']]),
  },
  {
    what: 'a package.json of another package',
    status: 400,
    code: 'MANIFEST_MISMATCH',
    tarball: () => tarballOf([['package/package.json', '{"name":"evil","version":"1.0.0"}']]),
  },
  {
    what: 'a package.json that is no JSON',
    status: 400,
    code: 'ARCHIVE_INVALID',
    tarball: () => tarballOf([['package/package.json', '{']]),
  },
  { what: 'two package.json', status: 400, code: 'ARCHIVE_INVALID', tarball: () => tarballOf([MANIFEST, MANIFEST]) },
  {
    what: 'two package.json in two folders',
    status: 400,
    code: 'ARCHIVE_INVALID',
    tarball: () => tarballOf([MANIFEST, ['other/package.json', JSON.stringify(VALID)]]),
  },
  {
    what: 'an absolute path',
    status: 400,
    code: 'ARCHIVE_INVALID',
    tarball: () => tarballOf([MANIFEST, ['/etc/passwd', 'x']]),
  },
  {
    what: 'a path that leaves its folder',
    status: 400,
    code: 'ARCHIVE_INVALID',
    tarball: () => tarballOf([MANIFEST, ['package/../../x', 'x']]),
  },
  {
    what: 'a package.json that is a link',
    status: 400,
    code: 'ARCHIVE_INVALID',
    tarball: () => tarballOf([{ name: 'package/package.json', type: 'symlink', linkname: '/etc/passwd' }]),
  },
  {
    what: 'a link out of the archive',
    status: 400,
    code: 'ARCHIVE_INVALID',
    tarball: () => tarballOf([MANIFEST, { name: 'package/x', type: 'symlink', linkname: '../../../etc/passwd' }]),
  },
  { what: 'a gzip bomb', status: 413, code: 'ARCHIVE_TOO_LARGE', tarball: async () => gzipSync(Buffer.concat(bomb())) },
];

/** Many gigabytes of zeros would do; a package.json larger than any says the same in less time. */
function bomb(): readonly Buffer[] {
  const size = 64 * 1024 * 1024;
  const header = Buffer.alloc(512);
  header.write('package/package.json', 0);
  header.write('0000644\0', 100);
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return [header, Buffer.alloc(size, ' ')];
}

describe('a publication with', () => {
  it.each(CASES)(
    '$what is refused with a sentence, and nothing changes',
    async ({ status, code, given, change, tarball, target }) => {
      const { registry, send } = await openTestRegistry(DEFAULT_REGISTRY, { kind: 'sqlite' });
      const before = await stateOf(registry);
      const made = tarball === undefined ? {} : { tarball: await tarball() };
      const document = (await publication({ ...VALID, ...given, ...made })) as Record<string, unknown>;
      const sent = change === undefined ? document : change(document);
      const body = typeof sent === 'string' ? sent : JSON.stringify(sent);
      const response = await send('PUT', target ?? '/npm/tool', {
        headers: { ...ADMIN, 'content-type': 'application/json' },
        body,
      });
      expect({ status: response.status, json: response.json }).toMatchObject({ status, json: { code } });
      expect((response.json as { error: string }).error).toMatch(/^[A-Z@a-z].{8,}$/);
      expectUnchanged(before, await stateOf(registry), 'refused');
      // What is right is taken afterwards.
      const right = await send('PUT', '/npm/tool', { headers: ADMIN, body: await publication(VALID) });
      expect(right.status).toBe(201);
    },
  );

  it('a file name that leaves its folder is published under its own name', async () => {
    const { send } = await openTestRegistry(DEFAULT_REGISTRY, { kind: 'sqlite' });
    const body = await publication({ ...VALID, file: '../../../etc/tool.tgz' });
    expect((await send('PUT', '/npm/tool', { headers: ADMIN, body })).status).toBe(201);
    expect((await send('GET', '/npm/tool/-/tool-1.0.0.tgz')).status).toBe(200);
    expect((await send('GET', '/npm/tool/-/..%2f..%2f..%2fetc%2ftool.tgz')).status).toBe(400);
  });

  it.each(['/npm/__proto__', '/npm/.hidden', '/npm/_private', '/npm/a%2fb', '/npm/@acme', '/npm/@acme%2f', '/npm/-'])(
    'the name of %s comes to nothing',
    async (target) => {
      const { registry, send } = await openTestRegistry(DEFAULT_REGISTRY, { kind: 'memory' });
      const before = await stateOf(registry);
      const name = decodeURIComponent(target.slice('/npm/'.length));
      const response = await send('PUT', target, {
        headers: ADMIN,
        body: await publication({ name, version: '1.0.0' }),
      });
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.status).toBeLessThan(500);
      expectUnchanged(before, await stateOf(registry), target);
    },
  );
});
