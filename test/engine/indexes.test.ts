import { describe, expect, it } from 'vitest';
import {
  ALL_STORE_KINDS,
  openTestRegistry,
  type StoreKind,
  type TestRegistry,
  type TestRegistryOptions,
  temporaryFolder,
} from '../support/registry.ts';
import { begin, body, commit, type Parts, readItem, registryOf, removeItem, reply, route, writeItem } from './steps.ts';

/** language.md, section 5: indexes kept by the engine and by hand, and cursors. */
const queried = (args: object) => ({
  op: 'index.query',
  args: { index: 'items', out: 'rows', out_next: 'next', out_total: 'total', ...args },
});
const shown = reply({ ids: '{% [rows.id] %}', next: '$next', total: '$total' });
/** `POST /ask` with the arguments of the query as its body. */
const ask = route('ask', [
  body(),
  queried({
    key: '$body.key',
    where: '$body.where',
    order: '$body.order',
    limit: '$body.limit',
    cursor: '$body.cursor',
  }),
  reply({ rows: '$rows', next: '$next', total: '$total' }),
]);
const index = (keys: readonly object[], extra: object = {}): Parts => ({
  indexes: { items: { source_document: 'item', keys, ...extra } },
});

describe.each(ALL_STORE_KINDS)('indexes on %s', (kind: StoreKind) => {
  const open = (parts: Parts, routes: readonly object[] = [], options: Partial<TestRegistryOptions> = {}) =>
    openTestRegistry(registryOf([writeItem, readItem, removeItem, ask, ...routes], parts), { kind, ...options });
  const fill = async ({ send }: TestRegistry, items: Readonly<Record<string, object>>) => {
    for (const [id, item] of Object.entries(items)) {
      const { status } = await send('PUT', `/items/${id}`, { body: { id, ...item } });
      expect(status).toBe(200);
    }
  };
  const ids = async ({ send }: TestRegistry, query: object): Promise<readonly string[]> =>
    (await send('POST', '/ask', { body: query })).json.rows.map((row: { id: string }) => row.id);

  it('follow every write in its commit: put, changed, deleted', async () => {
    const registry = await open(index([{ name: 'by_group', fields: ['group'], sort: ['rank'] }]));
    const group = (name: string) => ids(registry, { key: { group: name } });
    await fill(registry, { a: { group: 'g', rank: 2 }, b: { group: 'g', rank: 1 }, c: { group: 'h' } });
    expect(await group('g')).toEqual(['b', 'a']);
    await fill(registry, { b: { group: 'h', rank: 0 }, a: { group: 'g', rank: 9 } });
    expect([await group('g'), await group('h')]).toEqual([['a'], ['c', 'b']]);
    await registry.send('DELETE', '/items/c');
    expect(await group('h')).toEqual(['b']);
  });

  it('hold each element of a list: one of, all of', async () => {
    const fields = ['tags'];
    const schemas = { I: { properties: { tags: { type: 'array' } } } };
    const registry = await open({
      ...index([{ name: 'by_tag', fields }]),
      documents: { item: { store: 'meta', key_template: 'item/{id}', schema: 'I' } },
      schemas,
    });
    await fill(registry, { a: { tags: ['x', 'y'] }, b: { tags: ['y', 'y', 'z'] }, c: { tags: [] }, d: {} });
    expect(await ids(registry, { key: { tags: 'y' } })).toEqual(['a', 'b']);
    expect(await ids(registry, { where: { tags: { any: ['x', 'z'] } } })).toEqual(['a', 'b']);
    expect(await ids(registry, { where: { tags: { all: ['y', 'z'] } } })).toEqual(['b']);
    expect(await ids(registry, { where: { tags: { any: [] } } })).toEqual([]);
    expect(await ids(registry, {})).toEqual(['a', 'b', 'c', 'd']);
  });

  it('take `field[]` as a list field without any schema', async () => {
    const registry = await open(index([{ name: 'by_tag', fields: ['tags[]'] }]));
    await fill(registry, { a: { tags: ['x', 'y'] }, b: { tags: ['z'] } });
    expect(await ids(registry, { key: { tags: 'x' } })).toEqual(['a']);
  });

  it('compute derived fields at the write, and hold only what the filter lets in', async () => {
    const registry = await open(
      index([{ name: 'by_size', fields: ['size', 'lower'] }], {
        derive: { size: '{% $count(record.parts) %}', lower: '{% $lowercase(record.name) %}' },
        filter: { not_equals: ['$record.hidden', true] },
      }),
    );
    await fill(registry, {
      a: { name: 'ÄB', parts: [1, 2] },
      b: { name: 'c', parts: [] },
      c: { name: 'c', parts: [], hidden: true },
    });
    expect(await ids(registry, { key: { size: 2, lower: 'äb' } })).toEqual(['a']);
    expect(await ids(registry, { where: { size: { gte: 0 } } })).toEqual(['a', 'b']);
    // A record that the filter no longer lets in is gone from the index, not from the store.
    await fill(registry, { a: { name: 'ÄB', parts: [1, 2], hidden: true } });
    expect(await ids(registry, {})).toEqual(['b']);
    expect((await registry.send('GET', '/items/a')).status).toBe(200);
  });

  it('sort versions as their ordering says, and compare them so', async () => {
    const registry = await open({
      ...index([{ name: 'by_name', fields: ['name'], sort: ['version:desc'] }]),
      entities: { versioning: { scheme: 'semver', ordering: 'semver' } },
    });
    const versions = ['1.0.0', '1.10.0', '1.9.0', '1.10.0-rc.1', '2.0.0-alpha', '1.10.0-rc.11', '1.10.0-rc.2'];
    for (const version of versions) await fill(registry, { [version]: { name: 'n', version } });
    const sorted = ['2.0.0-alpha', '1.10.0', '1.10.0-rc.11', '1.10.0-rc.2', '1.10.0-rc.1', '1.9.0', '1.0.0'];
    expect(await ids(registry, { key: { name: 'n' } })).toEqual(sorted);
    expect(await ids(registry, { key: { name: 'n' }, order: ['version'] })).toEqual(sorted.toReversed());
    expect(await ids(registry, { where: { version: { gte: '1.9.0', lt: '1.10.0' } } })).toEqual(sorted.slice(2, 6));
    expect(await ids(registry, { key: { name: 'n' }, where: { version: '1.9.0' } })).toEqual(['1.9.0']);
  });

  it('answer ranges, prefixes, lists and null, each within its type', async () => {
    const registry = await open(index([{ name: 'by_v', fields: ['v'] }]));
    await fill(registry, { n: {}, t: { v: true }, one: { v: 1 }, ten: { v: 10 }, a: { v: 'a' }, ab: { v: 'ab' } });
    expect(await ids(registry, { key: { v: null } })).toEqual(['n']);
    expect(await ids(registry, { where: { v: null } })).toHaveLength(6);
    expect(await ids(registry, { where: { v: { lt: 10 } } })).toEqual(['one']);
    expect(await ids(registry, { where: { v: { prefix: 'a' } } })).toEqual(['a', 'ab']);
    expect(await ids(registry, { where: { v: { in: [true, 10] } } })).toEqual(['t', 'ten']);
    expect(await ids(registry, { order: ['v:desc'] })).toEqual(['ab', 'a', 'ten', 'one', 't', 'n']);
    const unknown = await registry.send('POST', '/ask', { body: { where: { other: 1 } } });
    expect([unknown.status, unknown.json.error.code]).toEqual([400, 'VALUE_INVALID']);
  });

  it('take the key that the fields decide, where `by` is left out', async () => {
    const registry = await open(
      index([
        { name: 'wide', fields: ['group', 'kind'], sort: ['rank'] },
        { name: 'narrow', fields: ['group'], sort: ['rank:desc'] },
      ]),
    );
    await fill(registry, { a: { group: 'g', kind: 'k', rank: 1 }, b: { group: 'g', kind: 'k', rank: 2 } });
    expect(await ids(registry, { key: { group: 'g', kind: 'k' } })).toEqual(['a', 'b']);
    expect(await ids(registry, { key: { group: 'g' } })).toEqual(['b', 'a']);
  });

  it('are kept by hand where they say so', async () => {
    const parts: Parts = {
      ...index([{ name: 'by_word', fields: ['word'], sort: ['rank:desc'] }], {
        materialization: { mode: 'manual' },
      }),
    };
    const upsert = route('upsert', [
      body(),
      begin,
      { op: 'index.upsert', args: { index: 'items', key: { word: '$body.word', rank: '$body.rank' }, value: '$body' } },
      commit,
      reply(null),
    ]);
    const remove = route('unlist', [
      body(),
      begin,
      { op: 'index.delete', args: { index: 'items', key: { word: '$body.word' } } },
      commit,
      reply(null),
    ]);
    const registry = await open(parts, [upsert, remove]);
    const rows = [
      { word: 'w', rank: 1, id: 'a' },
      { word: 'w', rank: 2, id: 'b' },
      { word: 'w/2', rank: 1, id: 'c' },
      { word: 'w', rank: 2, id: 'b again' },
    ];
    for (const row of rows) expect((await registry.send('POST', '/upsert', { body: row })).status).toBe(200);
    // Nothing comes into it by itself.
    await fill(registry, { d: { word: 'w', rank: 3 } });
    expect(await ids(registry, { key: { word: 'w' } })).toEqual(['b again', 'a']);
    await registry.send('POST', '/unlist', { body: { word: 'w' } });
    expect(await ids(registry, {})).toEqual(['c']);
  });

  describe('cursors', () => {
    const SORTED = index([
      { name: 'by_group', fields: ['group'], sort: ['rank'] },
      { name: 'all', fields: [], sort: ['group'] },
    ]);
    const pageRoute = (id: string, args: object) =>
      route(id, [queried({ limit: 2, cursor: '$request.query.cursor', ...args }), shown], 'GET');
    const PAGES = [
      pageRoute('up', { by: 'by_group', key: { group: 'g' } }),
      pageRoute('down', { by: 'by_group', key: { group: 'g' }, order: ['rank:desc'] }),
      pageRoute('other', { index: 'others', by: 'by_group', key: { group: 'g' } }),
    ];
    const parts: Parts = {
      indexes: {
        ...(SORTED.indexes as object),
        others: { source_document: 'item', keys: [{ name: 'by_group', fields: ['group'], sort: ['rank'] }] },
      },
    };
    const page = async ({ send }: TestRegistry, path: string, cursor: string | null) => {
      const { status, json } = await send('GET', `${path}${cursor === null ? '' : `?cursor=${cursor}`}`);
      return status === 200 ? json : json.error.code;
    };
    const ITEMS = {
      a: { group: 'g', rank: 1 },
      b: { group: 'g', rank: 2 },
      c: { group: 'g', rank: 2 },
      d: { group: 'g' },
    };

    it('show each record once, in order, ties and nulls too', async () => {
      const registry = await open(parts, PAGES);
      await fill(registry, ITEMS);
      const first = await page(registry, '/up', null);
      expect(first).toMatchObject({ ids: ['d', 'a'], total: 4 });
      const second = await page(registry, '/up', first.next);
      expect(second).toMatchObject({ ids: ['b', 'c'], next: null });
      const down = await page(registry, '/down', null);
      expect([down.ids, (await page(registry, '/down', down.next)).ids]).toEqual([
        ['b', 'c'],
        ['a', 'd'],
      ]);
    });

    it('are refused when tampered with, or given to another index or order', async () => {
      const registry = await open(parts, PAGES);
      await fill(registry, ITEMS);
      const { next } = await page(registry, '/up', null);
      expect(next).toMatch(/^[A-Za-z0-9_-]+$/);
      const flipped = Buffer.from(next, 'base64url');
      flipped[flipped.length - 3]! ^= 1;
      for (const bad of [flipped.toString('base64url'), next.slice(0, -4), 'AAAA', 'e30', '']) {
        expect(await page(registry, '/up', bad), bad).toBe('CURSOR_INVALID');
      }
      expect(await page(registry, '/down', next)).toBe('CURSOR_INVALID');
      expect(await page(registry, '/other', next)).toBe('CURSOR_INVALID');
    });

    it('stay right while others write', async () => {
      const registry = await open(parts, PAGES);
      await fill(registry, ITEMS);
      const { next } = await page(registry, '/up', null);
      // Before the place, at it and after it; and the record that the cursor stands on goes.
      await fill(registry, { e: { group: 'g', rank: 0 }, bb: { group: 'g', rank: 2 }, z: { group: 'g', rank: 3 } });
      await registry.send('DELETE', '/items/a');
      const second = await page(registry, '/up', next);
      expect(second.ids).toEqual(['b', 'bb']);
      expect((await page(registry, '/up', second.next)).ids).toEqual(['c', 'z']);
    });

    it.runIf(kind === 'sqlite')('outlive a restart, but not a change of what the index holds', async () => {
      const data = await temporaryFolder();
      const first = await open(parts, PAGES, { data });
      await fill(first, ITEMS);
      const { next } = await page(first, '/up', null);
      await first.registry.close();
      const second = await open(parts, PAGES, { data });
      expect((await page(second, '/up', next)).ids).toEqual(['b', 'c']);
      await second.registry.close();
      const filtered = {
        source_document: 'item',
        filter: { is_not_null: '$record.rank' },
        keys: (SORTED.indexes as { items: { keys: object } }).items.keys,
      };
      const third = await open({ indexes: { ...(parts.indexes as object), items: filtered } }, PAGES, { data });
      expect(await page(third, '/up', next)).toBe('CURSOR_INVALID');
      // Filled again: the record without a rank is not in it any more.
      expect(await page(third, '/up', null)).toMatchObject({ ids: ['a', 'b'], total: 3 });
    });
  });
});
