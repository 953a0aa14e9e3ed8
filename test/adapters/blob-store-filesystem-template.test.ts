import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFilesystemBlobStore } from '../../src/adapters/blob-store/filesystem.ts';
import { nodeFileIo } from '../../src/adapters/blob-store/filesystem-io.ts';
import { compilePathTemplate } from '../../src/adapters/blob-store/filesystem-path.ts';
import { guardBlobStore } from '../../src/adapters/guards/blob-store.ts';
import { digestOf, makeBytes, putBytes, readContent } from '../conformance/blob-content.ts';
import { createFakeClock, type FakeClock } from '../conformance/fake-clock.ts';

let root: string;
let clock: FakeClock;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'blobs-'));
  clock = createFakeClock();
});
afterEach(() => rm(root, { recursive: true }));

describe('path templates', () => {
  const hex = digestOf(makeBytes(1)).slice(7);

  it.each([
    ['{digest}', hex],
    ['sha256/{digest:0:2}/{digest:2:2}/{digest}', `sha256/${hex.slice(0, 2)}/${hex.slice(2, 4)}/${hex}`],
    ['a.b/x{digest:60:4}-{digest}/data', `a.b/x${hex.slice(60)}-${hex}/data`],
  ])('%s', (template, path) => {
    expect(compilePathTemplate(template, ['tmp']).path(hex)).toBe(path);
  });

  it.each([
    '',
    '/{digest}',
    '../{digest}',
    './{digest}',
    'a//{digest}',
    '{digest:0:2}',
    '{digest}/',
    'a\\{digest}',
    '{digest}{x}',
  ])('refuses %j', (template) => {
    expect(() => compilePathTemplate(template, ['tmp'])).toThrow(
      expect.objectContaining({ code: 'DEFINITION_INVALID' }),
    );
  });

  it.each([
    'tmp/{digest}',
    '{digest:0:0}/{digest}',
    '{digest:63:2}/{digest}',
    '{digest:x}/{digest}',
    '{other}/{digest}',
    'a b/{digest}',
  ])('refuses %j', (template) => {
    expect(() => compilePathTemplate(template, ['tmp'])).toThrow(
      expect.objectContaining({ code: 'DEFINITION_INVALID' }),
    );
  });
});

describe('a folder whose blobs lie by another template', () => {
  const openAs = (template: string) =>
    openFilesystemBlobStore({
      root,
      pathTemplate: template,
      maxBlobBytes: 1e9,
      minBlobBytes: 0,
      clock,
      io: nodeFileIo,
    });

  it('is refused, with what to do, before anything is looked for in vain', async () => {
    const store = guardBlobStore(openAs('sha256/{digest:0:2}/{digest:2:2}/{digest}'));
    const bytes = makeBytes(100);
    await putBytes(store, bytes);
    await store.close();
    const hex = digestOf(bytes).slice(7);
    expect(() => openAs('sha256/{digest:0:2}/{digest}')).toThrow(
      expect.objectContaining({
        code: 'DEFINITION_INVALID',
        message: expect.stringContaining(`at "sha256/${hex.slice(0, 2)}/${hex.slice(2, 4)}/${hex}"`),
      }),
    );
    const again = guardBlobStore(openAs('sha256/{digest:0:2}/{digest:2:2}/{digest}'));
    expect(await readContent(await again.get(`sha256:${hex}`))).toEqual(bytes);
    await again.close();
  });

  it('is taken where it has none, only copies, or folders of others', async () => {
    const foreign = 'f'.repeat(64);
    await mkdir(join(root, 'sha256/ab/cd'), { recursive: true });
    await mkdir(join(root, '.snapshots/1/sha256'), { recursive: true });
    await mkdir(join(root, 'lost+found'), { mode: 0 });
    await writeFile(join(root, '.snapshots/1/sha256', foreign), 'a copy');
    await writeFile(join(root, 'README'), 'not a blob');
    const store = openAs('sha256/{digest:0:2}/{digest}');
    await store.close();
  });

  it.each(['sha256{digest}', 'b{digest}', '{digest:0:2}{digest}', '{digest}/{digest:0:8}{digest}'])(
    'is told from one whose template %s puts other digits beside the digest',
    async (template) => {
      const store = guardBlobStore(openAs(template));
      await putBytes(store, makeBytes(100));
      await store.close();
      const again = openAs(template);
      await again.close();
      expect(() => openAs('other/{digest}')).toThrow(expect.objectContaining({ code: 'DEFINITION_INVALID' }));
    },
  );
});
