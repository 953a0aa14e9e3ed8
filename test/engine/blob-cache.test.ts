import { chmodSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openFilesystemBlobStore } from '../../src/adapters/blob-store/filesystem.ts';
import { openMemoryBlobStore } from '../../src/adapters/blob-store/memory.ts';
import { createMemoryFront, type MemoryFrontSettings } from '../../src/adapters/blob-store/memory-front.ts';
import type { BlobStore } from '../../src/ports/blob-store.ts';
import { makeBytes, putBytes, readContent } from '../conformance/blob-content.ts';
import { createFakeClock } from '../conformance/fake-clock.ts';
import { openTestRegistry, temporaryFolder } from '../support/registry.ts';
import { BLOB_ROUTES, registryOf } from './steps.ts';

/** `caching.blob_cache`: small blobs in memory, before their store. */
const KIB = 1024;
const BOUNDS = { maxBlobBytes: 1024 * KIB, minBlobBytes: 0 };

/** A memory before a store that counts what it is asked. */
function counting(settings: MemoryFrontSettings | null, wrap: (store: BlobStore) => BlobStore = (store) => store) {
  const clock = createFakeClock();
  const inner = wrap(openMemoryBlobStore({ ...BOUNDS, clock }));
  const asked: string[] = [];
  const front = createMemoryFront(settings);
  const store = front.before({
    ...inner,
    get(digest, range, verify) {
      asked.push(digest);
      return inner.get(digest, range, verify);
    },
  });
  onTestFinished(() => store.close());
  return { store, front, inner, asked, clock };
}

const ROOMY = { pinOnAccess: true, maxBytes: 1024 * KIB };

describe('small blobs in memory', () => {
  it('are read from their store once, whole and in ranges', async () => {
    const { store, front, asked } = counting(ROOMY);
    const bytes = makeBytes(10 * KIB);
    const { digest } = await putBytes(store, bytes);
    expect(await readContent(await store.get(digest))).toEqual(bytes);
    expect(await readContent(await store.get(digest))).toEqual(bytes);
    const part = await store.get(digest, { start: 10, end: 19 });
    expect([part?.size, await readContent(part)]).toEqual([bytes.length, bytes.subarray(10, 20)]);
    expect(() => store.get(digest, { start: bytes.length, end: bytes.length })).toThrow('range');
    expect(asked).toEqual([digest]);
    expect(front.stats()).toMatchObject({ hits: 3, misses: 1, entries: 1 });
    expect(front.stats()!.bytes).toBeGreaterThanOrEqual(bytes.length);
  });

  it('are those of up to 64 KiB', async () => {
    const { store, front, asked } = counting(ROOMY);
    const edge = await putBytes(store, makeBytes(64 * KIB));
    const beyond = await putBytes(store, makeBytes(64 * KIB + 1, 2));
    for (const { digest } of [edge, edge, beyond, beyond]) await readContent(await store.get(digest));
    expect(asked).toEqual([edge.digest, beyond.digest, beyond.digest]);
    expect(front.stats()!.entries).toBe(1);
  });

  it('keep to their bound: what was read longest ago goes, or what came in first', async () => {
    for (const pinOnAccess of [true, false]) {
      const { store, front, asked } = counting({ pinOnAccess, maxBytes: 25 * KIB });
      const [a, b, c] = await Promise.all([1, 2, 3].map((seed) => putBytes(store, makeBytes(10 * KIB, seed))));
      for (const { digest } of [a!, b!, a!, c!]) await store.get(digest);
      expect(front.stats()!.bytes).toBeLessThanOrEqual(25 * KIB);
      asked.length = 0;
      await store.get(a!.digest);
      expect(asked).toEqual(pinOnAccess ? [] : [a!.digest]);
    }
  });

  it('are forgotten when they are deleted or swept', async () => {
    const { store, front } = counting(ROOMY);
    const deleted = await putBytes(store, makeBytes(KIB));
    const swept = await putBytes(store, makeBytes(KIB, 2));
    const named = await putBytes(store, makeBytes(KIB, 3));
    for (const { digest, lease } of [deleted, swept, named]) {
      await store.get(digest);
      await store.release(lease, false);
    }
    expect(front.stats()!.entries).toBe(3);
    await store.delete(deleted.digest);
    expect(await store.get(deleted.digest)).toBeNull();
    await store.sweep((digest) => digest === named.digest);
    expect(await store.get(swept.digest)).toBeNull();
    expect(front.stats()!.entries).toBe(1);
  });

  it('do not come in when they were deleted while they were being read', async () => {
    const gate = Promise.withResolvers<void>();
    const { store, front } = counting(ROOMY, (inner) => ({
      ...inner,
      async get(digest, range) {
        const content = await inner.get(digest, range);
        await gate.promise;
        return content;
      },
    }));
    const { digest } = await putBytes(store, makeBytes(KIB));
    const reading = store.get(digest);
    await store.delete(digest);
    gate.resolve();
    expect((await reading)?.size).toBe(KIB);
    expect(front.stats()!.entries).toBe(0);
    expect(await store.get(digest)).toBeNull();
  });

  it('never come in damaged: the store sets the file aside, and putting it anew heals it', async () => {
    const root = await temporaryFolder();
    const clock = createFakeClock();
    const front = createMemoryFront(ROOMY);
    const store = front.before(openFilesystemBlobStore({ ...BOUNDS, root, pathTemplate: '{digest}', clock }));
    const bytes = makeBytes(KIB);
    const { digest } = await putBytes(store, bytes);
    const file = join(root, digest.slice('sha256:'.length));
    chmodSync(file, 0o644);
    writeFileSync(file, makeBytes(KIB, 2));
    await expect(Promise.resolve(store.get(digest))).rejects.toMatchObject({ code: 'BLOB_CORRUPT' });
    expect(readdirSync(join(root, 'quarantine'))).toHaveLength(1);
    expect([await store.get(digest), front.stats()!.entries]).toEqual([null, 0]);
    await putBytes(store, bytes);
    expect(await readContent(await store.get(digest))).toEqual(bytes);
    await store.close();
  });

  it('stay apart by store, and are not kept where nothing is to be kept', async () => {
    const clock = createFakeClock();
    const front = createMemoryFront(ROOMY);
    const [one, two] = [1, 2].map(() => front.before(openMemoryBlobStore({ ...BOUNDS, clock })));
    const { digest } = await putBytes(one!, makeBytes(KIB));
    await one!.get(digest);
    expect(await two!.get(digest)).toBeNull();
    front.configure(null);
    expect((await one!.get(digest))?.size).toBe(KIB);
    expect(front.stats()).toBeNull();
    expect(createMemoryFront({ ...ROOMY, maxBytes: 0 }).stats()).toBeNull();
  });
});

describe('a registry with a blob cache', () => {
  it('answers from memory when the file is gone, counts, and forgets on a change of the setting', async () => {
    const caching = { blob_cache: { max_bytes: 1024 * KIB, eviction: { policy: 'lru' } } };
    const { registry, send, data } = await openTestRegistry(registryOf(BLOB_ROUTES, { caching }), { kind: 'sqlite' });
    await send('PUT', '/blob', { body: 'hello' });
    const counts = () => registry.stats().find((part) => part.kind === 'cache' && part.name === 'blobs')?.cache;
    expect((await send('GET', '/blob')).text).toBe('hello');
    expect(counts()).toMatchObject({ hits: 0, misses: 1, entries: 1 });
    const root = join(data, 'blobs');
    for (const name of readdirSync(root)) {
      if (!['tmp', 'leases', 'uploads', 'aside', 'quarantine'].includes(name))
        rmSync(join(root, name), { recursive: true });
    }
    const { status, text, headers } = await send('GET', '/blob', { headers: { range: 'bytes=1-2' } });
    expect([status, text, headers['content-range']]).toEqual([206, 'el', 'bytes 1-2/5']);
    expect(counts()).toMatchObject({ hits: 1, misses: 1 });
    const { definition } = registry;
    expect(await registry.replace({ ...definition, caching: { ...definition.caching, blobs: null } })).toBeNull();
    expect(counts()).toBeUndefined();
    expect((await send('GET', '/blob')).status).toBe(404);
  });
});
