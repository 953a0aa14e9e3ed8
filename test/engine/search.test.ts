import { describe, expect, it } from 'vitest';
import { ADMIN, ALL_STORE_KINDS, openTestRegistry, type StoreKind } from '../support/registry.ts';
import { type Parts, registryOf, removeItem, reply, route, writeItem } from './steps.ts';

/** language.md, section 5: search through `visible_when`, page by page, and by words that resemble. */
const PARTS: Parts = {
  documents: {
    item: {
      store: 'meta',
      key_template: 'item/{id}',
      visible_when: { any: [{ equals: ['$record.public', true] }, { equals: ['$principal.sub', 'admin'] }] },
    },
  },
  indexes: {
    items: {
      source_document: 'item',
      keys: [{ name: 'by_kind', fields: ['kind', 'tags[]'] }],
      derive: { both: '{% record.title & " by " & record.author %}' },
      text: { title: 3, both: 1 },
    },
  },
};
const find = route(
  'find',
  [
    {
      op: 'search.query',
      args: {
        index: 'items',
        text: '$request.query.q',
        limit: '$request.query.limit',
        cursor: '$request.query.cursor',
        facets: ['kind', 'tags'],
        highlight: { before: '[', after: ']' },
        out_hits: 'hits',
        out_next: 'next',
        out_total: 'total',
        out_facets: 'facets',
        out_similar: 'similar',
      },
    },
    reply({ hits: '$hits', next: '$next', total: '$total', facets: '$facets', similar: '$similar' }),
  ],
  'GET',
);

describe.each(ALL_STORE_KINDS)('search on %s', (kind: StoreKind) => {
  async function open(parts = PARTS) {
    const registry = await openTestRegistry(registryOf([writeItem, removeItem, find], parts), { kind });
    const write = async (id: string, title: string, fields: object = {}) => {
      const body = { id, title, author: 'ada', kind: 'k', tags: ['t'], public: true, ...fields };
      expect((await registry.send('PUT', `/items/${id}`, { body })).status).toBe(200);
    };
    const see = async (query: Record<string, string>, headers: Record<string, string> = {}) => {
      const { json } = await registry.send('GET', `/find?${new URLSearchParams(query)}`, { headers });
      const ids: readonly string[] = json.hits?.map(({ document }: { document: { id: string } }) => document.id);
      return { ...json, ids };
    };
    return { ...registry, write, see };
  }

  it('shows scores and the places of the words, in fields that are derived, too', async () => {
    const { write, see } = await open();
    await write('a', 'A parser of JSON');
    expect(await see({ q: 'ADA json' })).toMatchObject({
      ids: ['a'],
      hits: [
        { score: 3.188 + 1.042, highlights: { title: 'A parser of [JSON]', both: 'A parser of [JSON] by [ada]' } },
      ],
      similar: null,
      next: null,
    });
    expect((await see({ q: 'pars' })).hits[0].highlights.title).toBe('A [parser] of JSON');
  });

  it('finds and counts only what the principal may see, page by page', async () => {
    const { write, see } = await open();
    for (let place = 0; place < 240; place++) {
      const fields = { public: place % 3 === 0, kind: `k${place % 2}`, tags: ['t', `t${place % 3}`] };
      await write(`i${String(place).padStart(3, '0')}`, 'word', fields);
    }
    const whole = await see({ q: 'word' });
    expect(whole.ids).toHaveLength(80);
    expect(whole.total).toBe(80);
    expect(whole.facets).toEqual({
      kind: [
        { value: 'k0', count: 40 },
        { value: 'k1', count: 40 },
      ],
      tags: [
        { value: 't', count: 80 },
        { value: 't0', count: 80 },
      ],
    });
    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const page = await see({ q: 'word', limit: '33', ...(cursor === '' ? {} : { cursor }) });
      seen.push(...page.ids);
      expect(page.total).toBe(80);
      if (page.next === null) break;
      cursor = page.next;
    }
    expect(seen).toEqual(whole.ids);
    const all = await see({ q: 'word', limit: '1000' }, ADMIN);
    expect([all.ids.length, all.total, all.facets.kind]).toEqual([
      240,
      240,
      [
        { value: 'k0', count: 120 },
        { value: 'k1', count: 120 },
      ],
    ]);
  });

  it('takes words for others where nothing that the principal may see has them', async () => {
    const { write, see } = await open();
    await write('right', 'python');
    await write('wrong', 'pyhton', { public: false });
    const shown = await see({ q: 'pyhton' });
    expect(shown).toMatchObject({ ids: ['right'], total: 1, similar: { pyhton: ['python'] } });
    expect(shown.hits[0].highlights.title).toBe('[python]');
    expect(await see({ q: 'pyhton' }, ADMIN)).toMatchObject({ ids: ['wrong'], similar: null });
    expect(await see({ q: 'nothing like it' })).toMatchObject({ ids: [], total: 0, similar: null, next: null });
  });

  it('tells of no word that only hidden records have, not in cursors either', async () => {
    const { write, see } = await open();
    for (const id of ['a', 'b', 'c']) await write(id, 'python');
    await write('hidden', 'pythin', { public: false });
    const first = await see({ q: 'pythn', limit: '2' });
    expect(first).toMatchObject({ ids: ['a', 'b'], total: 3, similar: { pythn: ['python'] } });
    expect(Buffer.from(first.next, 'base64url').toString('latin1')).not.toContain('pythin');
    const second = await see({ q: 'pythn', limit: '2', cursor: first.next });
    expect(second).toMatchObject({ ids: ['c'], next: null, total: 3, similar: { pythn: ['python'] } });
    expect((await see({ q: 'pythn' }, ADMIN)).similar).toEqual({ pythn: ['pythin', 'python'] });
  });

  it('keeps to the words that the first page took, while others write', async () => {
    const { write, see, send } = await open({ indexes: PARTS.indexes });
    for (const id of ['a', 'b', 'c', 'd']) await write(id, 'python');
    const first = await see({ q: 'pyhton', limit: '2' });
    expect(first.ids).toEqual(['a', 'b']);
    await write('c', 'pyhton');
    await write('e', 'phyton');
    await send('DELETE', '/items/b');
    const second = await see({ q: 'pyhton', limit: '2', cursor: first.next });
    expect(second).toMatchObject({ ids: ['d'], next: null, similar: { pyhton: ['python'] } });
  });
});
