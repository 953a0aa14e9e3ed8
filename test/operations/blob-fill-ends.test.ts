import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { loadDefinition } from '../../src/definition/load.ts';
import { RegistryError } from '../../src/errors/registry-error.ts';
import { vocabulary } from '../../src/main.ts';
import { digestOf, makeBytes } from '../conformance/blob-content.ts';
import { STORE_KINDS, temporaryFolder } from '../support/registry.ts';
import { download, fillDefinition, openFillRegistry, startOrigin, startReading } from './blob-fill-fixture.ts';

const LARGE = makeBytes(1_000_000);
const SMALL = makeBytes(10_000, 2);

/** An origin whose bodies stop half-way until the test lets them go on. */
async function startHalting() {
  const ends: (() => void)[] = [];
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
  const { promise: gone, resolve: onGone } = Promise.withResolvers<void>();
  const origin = await startOrigin((_, response) => {
    response.on('close', onGone);
    response.write(LARGE.subarray(0, LARGE.length / 2));
    ends.push(() => response.end(LARGE.subarray(LARGE.length / 2)));
    onAsked();
  });
  const endAll = () => {
    for (const end of ends) end();
  };
  return { origin, asked, gone, endAll };
}

/** Names of all files below a folder. */
async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

describe.each(STORE_KINDS)('the end of blob.fill on %s', (kind) => {
  test.each([
    ['small', SMALL],
    ['large', LARGE],
  ])(
    'where the commit fails is as ever for %s content, which is right; it is swept, and fetched again',
    async (_what, bytes) => {
      let isDown = true;
      const origin = await startOrigin((_, response) => response.end(bytes));
      const registry = await openFillRegistry({
        kind,
        origin,
        expect: digestOf(bytes),
        seams: {
          wrapRecordStore: (store) => ({
            ...store,
            commit(commit) {
              if (isDown && commit.puts.some(({ collection }) => collection === 'file'))
                throw new RegistryError('STORE_UNREACHABLE');
              return store.commit(commit);
            },
          }),
        },
      });
      for (let count = 1; count <= 2; count++) {
        const got = await download(`${registry.url}/files/a`);
        expect(got.whole && got.status === 200 && got.bytes.equals(bytes)).toBe(true);
        expect(origin.requests).toHaveLength(count);
        expect(await registry.blobs()).toEqual([]);
      }
      isDown = false;
      await download(`${registry.url}/files/a`);
      expect((await download(`${registry.url}/files/a`)).headers['x-from']).toBe('here');
      expect(await registry.blobs()).toEqual([digestOf(bytes)]);
    },
  );

  test('gives who looked for the record before it was there what was stored a moment ago', async () => {
    const origin = await startOrigin((_, response) => response.end(SMALL));
    const held: (() => void)[] = [];
    let holds = true;
    const registry = await openFillRegistry({
      kind,
      origin,
      seams: {
        wrapRecordStore: (store) => ({
          ...store,
          async get(collection, key) {
            const found = await store.get(collection, key);
            // Found nothing, and is slow to say so.
            if (collection === 'file' && holds) await new Promise<void>((resolve) => held.push(resolve));
            return found;
          },
        }),
      },
    });
    const late = download(`${registry.url}/files/a`);
    await expect.poll(() => held.length).toBe(1);
    holds = false;
    await download(`${registry.url}/files/a`);
    held[0]?.();
    expect((await late).bytes.equals(SMALL)).toBe(true);
    expect(origin.requests).toHaveLength(1);
  });

  test('is known for a moment, but not of what was swept meanwhile', async () => {
    const origin = await startOrigin((_, response) => response.end(SMALL));
    // Nothing names what is stored.
    const registry = await openFillRegistry({ kind, origin, then: [] });
    await download(`${registry.url}/files/a`);
    await download(`${registry.url}/files/a`);
    expect(origin.requests).toHaveLength(1);
    expect(await registry.blobs()).toEqual([]);
    expect((await download(`${registry.url}/files/a`)).bytes.equals(SMALL)).toBe(true);
    expect(origin.requests).toHaveLength(2);
  });

  test('with the server breaks off what is being fetched, and leaves nothing of it', async () => {
    const { origin, asked, gone } = await startHalting();
    const data = await temporaryFolder();
    // Longer than the test may take.
    const upstream = { timeouts_ms: { connect: 2000, read: 120_000 } };
    const registry = await openFillRegistry({ kind, origin, data, upstream, expect: digestOf(LARGE) });
    const reading = await startReading(`${registry.url}/files/a`);
    await reading.next();
    await asked;
    await registry.registry.close();
    await gone;
    expect(await reading.rest()).toMatchObject({ status: 200, whole: false });
    expect((await filesBelow(data)).filter((file) => file.includes('blobs') && !file.endsWith('.json'))).toEqual([]);
  });

  test('comes before that of the upstream, where another definition takes the place of its own', async () => {
    const { origin, asked, endAll } = await startHalting();
    const registry = await openFillRegistry({ kind, origin, expect: digestOf(LARGE) });
    const reading = await startReading(`${registry.url}/files/a`);
    await reading.next();
    await asked;
    const path = join(await temporaryFolder(), 'registry.json');
    await writeFile(path, JSON.stringify(fillDefinition({ expect: digestOf(LARGE) })));
    const { definition } = await loadDefinition(path, await vocabulary());
    expect(await registry.registry.replace(definition!)).toBeNull();
    await sleep(50);
    endAll();
    const got = await reading.rest();
    expect(got.whole && got.bytes.equals(LARGE)).toBe(true);
    expect((await download(`${registry.url}/files/a`)).headers['x-from']).toBe('here');
  });

  test('comes when nobody reads any more, too: no descriptor stays open', async () => {
    const origin = await startOrigin((_, response) => response.end(LARGE));
    const registry = await openFillRegistry({ kind, origin, expect: digestOf(LARGE) });
    const openFiles = async () => (await readdir('/proc/self/fd')).length;
    const fetchTen = async (from: number) => {
      const names = Array.from({ length: 10 }, (_, at) => `${from + at}`);
      await Promise.all(names.map((name) => download(`${registry.url}/files/${name}`)));
    };
    await fetchTen(0);
    const before = await openFiles();
    await fetchTen(10);
    await expect.poll(openFiles).toBeLessThanOrEqual(before + 2);
  });
});
