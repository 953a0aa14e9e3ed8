import { describe, expect, test } from 'vitest';
import { DEFAULT_REGISTRY, packagesRegistry } from '../../support/packages-registry.ts';
import { ADMIN, openTestRegistry, STORE_KINDS, type TestRegistry } from '../../support/registry.ts';

const TOOL = '/v1/acme/tool';
const BLOB = `${TOOL}/1.0.0/any/blob`;

async function publish({ send }: TestRegistry, path: string, body: string | Buffer = path): Promise<void> {
  expect((await send('PUT', path, { body, headers: ADMIN })).status).toBe(201);
}

interface Page {
  readonly items: readonly Readonly<Record<string, string>>[];
  readonly next: string | null;
}

/** Reads a list page by page; `between` is called after each page but the last. */
async function pages({ send }: TestRegistry, path: string, limit: number, between: (page: number) => Promise<unknown>) {
  const items: Readonly<Record<string, string>>[] = [];
  for (let cursor: string | null = null, page = 1; ; page++) {
    const query: string = new URLSearchParams({
      limit: String(limit),
      ...(cursor === null ? {} : { cursor }),
    }).toString();
    const { status, json } = await send('GET', `${path}?${query}`);
    expect(status).toBe(200);
    const { items: some, next }: Page = json;
    expect(some.length).toBeLessThanOrEqual(limit);
    items.push(...some);
    if (next === null) return items;
    cursor = next;
    await between(page);
  }
}

describe.each(STORE_KINDS)('reading packages, on %s', (kind) => {
  test('metadata is not sent again to who has it, until it changes', async () => {
    const registry = await openTestRegistry(packagesRegistry({ features: { allow_overwrite_artifacts: true } }), {
      kind,
    });
    const { send } = registry;
    await publish(registry, BLOB);
    const first = await send('GET', `${TOOL}/1.0.0/any`);
    const etag = String(first.headers.etag);
    expect(etag).toMatch(/^"\S+"$/);
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await send('GET', `${TOOL}/1.0.0/any`, { headers: { 'if-none-match': tag } });
      expect(again, tag).toMatchObject({ status: 304, text: '', headers: { etag } });
    }
    await publish(registry, BLOB, 'new');
    const changed = await send('GET', `${TOOL}/1.0.0/any`, { headers: { 'if-none-match': etag } });
    expect(changed.status).toBe(200);
    expect(changed.headers.etag).not.toBe(etag);
    expect(changed.json.blob_size).toBe(3);
    const tagged = await send('GET', `${TOOL}/1.0.0/any`, { headers: { 'if-match': etag } });
    expect({ status: tagged.status, code: tagged.json.error.code }).toEqual({
      status: 412,
      code: 'PRECONDITION_FAILED',
    });
  });

  test('parts of a blob, and what is no part of it', async () => {
    const registry = await openTestRegistry(DEFAULT_REGISTRY, { kind });
    const { send } = registry;
    const content = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 251));
    await publish(registry, BLOB, content);
    const { etag } = (await send('HEAD', BLOB)).headers;
    const parts: readonly (readonly [string, number, number])[] = [
      ['bytes=0-0', 0, 1],
      ['bytes=0-', 0, 200_000],
      ['bytes=199999-', 199_999, 200_000],
      ['bytes=70000-140000', 70_000, 140_001],
      ['bytes=-5', 199_995, 200_000],
      ['bytes=-900000', 0, 200_000],
      ['bytes=100-9999999', 100, 200_000],
    ];
    for (const [range, start, end] of parts) {
      const part = await send('GET', BLOB, { headers: { range } });
      expect(part, range).toMatchObject({
        status: 206,
        headers: { 'content-range': `bytes ${start}-${end - 1}/200000`, 'content-length': String(end - start), etag },
      });
      expect(part.bytes.equals(content.subarray(start, end)), range).toBe(true);
    }
    for (const range of ['bytes=200000-', 'bytes=200000-200001', 'bytes=-0', 'bytes=999999999999-']) {
      const refused = await send('GET', BLOB, { headers: { range } });
      expect(refused, range).toMatchObject({ status: 416, headers: { 'content-range': 'bytes */200000' } });
      expect(refused.json.error.code).toBe('RANGE_NOT_SATISFIABLE');
    }
    const ignored = [
      'bytes=5-1',
      'bytes=a-b',
      'bytes=-',
      'items=0-1',
      'bytes=0-1,5-6',
      'bytes=0x0-1',
      'bytes=1-2-3',
      '',
    ];
    for (const range of ignored) {
      const whole = await send('GET', BLOB, { headers: { range } });
      expect({ status: whole.status, size: whole.bytes.length }, range).toEqual({ status: 200, size: 200_000 });
    }
    const stale = await send('GET', BLOB, { headers: { range: 'bytes=0-1', 'if-range': '"other"' } });
    expect({ status: stale.status, size: stale.bytes.length }).toEqual({ status: 200, size: 200_000 });
  });

  test('a list of versions shows each once while others publish and delete', async () => {
    const registry = await openTestRegistry(DEFAULT_REGISTRY, { kind });
    const there = Array.from({ length: 25 }, (_, index) => `1.${index}.0`);
    for (const version of there) await publish(registry, `${TOOL}/${version}/any/blob`);
    const items = await pages(registry, `${TOOL}/versions`, 4, async (page) => {
      // Above the page that was just read, far below it, and in another package.
      await publish(registry, `${TOOL}/2.${page}.0/any/blob`);
      await publish(registry, `${TOOL}/0.0.${page}/any/blob`);
      await publish(registry, `/v1/acme/other/1.0.${page}/any/blob`);
      if (page === 2) await registry.send('DELETE', `${TOOL}/1.17.0/any/blob`, { headers: ADMIN });
      if (page === 3) await registry.send('DELETE', `${TOOL}/1.5.0/any/blob`, { headers: ADMIN });
    });
    const versions = items.map(({ version }) => String(version));
    expect(new Set(versions).size).toBe(versions.length);
    expect(versions.filter((version) => version.startsWith('1.'))).toEqual(
      there.toReversed().filter((version) => version !== '1.5.0'),
    );
    expect(versions.filter((version) => version.startsWith('2.'))).toEqual([]);
    expect(versions.filter((version) => version.startsWith('0.')).length).toBeGreaterThan(0);
  });

  test('a list of packages goes on after a name that is gone, and tags come in pages too', async () => {
    const registry = await openTestRegistry(DEFAULT_REGISTRY, { kind });
    const names = Array.from({ length: 12 }, (_, index) => `tool-${String(index).padStart(2, '0')}`);
    for (const name of names) await publish(registry, `/v1/acme/${name}/1.0.0/any/blob`);
    const items = await pages(registry, '/v1/packages', 5, async (page) => {
      await publish(registry, `/v1/aaa/before-${page}/1.0.0/any/blob`);
      // The last of the page: the cursor stands on it.
      if (page === 1) await registry.send('DELETE', '/v1/acme/tool-04/1.0.0/any/blob', { headers: ADMIN });
    });
    expect(items.map(({ name }) => name)).toEqual(names);

    const body = { target_version: '1.0.0', target_variant: 'any' };
    for (const tag of names) await registry.send('PUT', `/v1/acme/tool-00/tags/${tag}`, { body, headers: ADMIN });
    const tags = await pages(registry, '/v1/acme/tool-00/tags', 5, async () => {});
    expect(tags.map(({ tag }) => tag)).toEqual(names);
  });

  test('a cursor is good for lists of the kind it came from, and as it was given', async () => {
    const registry = await openTestRegistry(DEFAULT_REGISTRY, { kind });
    for (const version of ['1.0.0', '2.0.0']) await publish(registry, `${TOOL}/${version}/any/blob`);
    const { next } = (await registry.send('GET', `${TOOL}/versions?limit=1`)).json;
    const good = await registry.send('GET', `${TOOL}/versions?limit=1&cursor=${next}`);
    expect(good.json.items).toMatchObject([{ version: '1.0.0' }]);
    const changed = `${next.slice(0, -2)}${next.endsWith('AA') ? 'BB' : 'AA'}`;
    for (const target of [
      `/v1/packages?cursor=${next}`,
      `${TOOL}/tags?cursor=${next}`,
      `${TOOL}/versions?cursor=${changed}`,
    ]) {
      const refused = await registry.send('GET', target);
      expect({ status: refused.status, code: refused.json.error?.code }, target).toEqual({
        status: 400,
        code: 'CURSOR_INVALID',
      });
    }
  });
});
