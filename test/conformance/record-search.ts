import { beforeEach, describe, expect, it } from 'vitest';
import type { DumpedRecord } from '../../src/ports/record-dump.ts';
import type { SearchPosition } from '../../src/ports/record-search.ts';
import type { Filter, Scalar } from '../../src/ports/record-store.ts';
import { commitOf, type RecordSuite, write } from './record-fixture.ts';
import { hitsOf, PAPERS, type Paper, paper, search, searchOf, similarTo } from './record-search-fixture.ts';
import { recordSearchModel } from './record-search-model.ts';

const CORPUS: Readonly<Record<string, Paper>> = {
  react: { title: 'react', abstract: 'A JavaScript library for building user interfaces', kind: 'ui', year: 2013 },
  'react-dom': { title: 'react-dom', abstract: 'React package for working with the DOM', kind: 'ui', year: 2015 },
  reactive: { title: 'Reactive', abstract: 'Streams that react to changes', kind: 'data', year: 2016 },
  preact: { title: 'preact', abstract: 'Fast alternative to React with the same API', kind: 'ui', year: 2015 },
  'lint-react': { title: 'eslint-plugin-react', abstract: 'Rules', tags: ['lint', 'react'], kind: 'tool' },
  tagged: { title: 'hooks', abstract: 'Small things', tags: ['react'], kind: 'tool' },
  python: { title: 'python', abstract: 'An interpreter that runs programs', kind: 'tool' },
  café: { title: 'Café', abstract: 'Brewing of crème brûlée libraries', kind: 'food' },
};

export function recordSearchSuite(suite: RecordSuite): void {
  describe('search', () => {
    beforeEach(async () => {
      await suite.store.migrate([PAPERS], () => ({}));
    });

    const fill = () => write(suite.store, { puts: Object.entries(CORPUS).map(([key, fields]) => paper(key, fields)) });
    const find = (text: string, parts: Parameters<typeof searchOf>[1] = {}) => hitsOf(suite.store, text, parts);

    it('ranks by the weight of the text, then the shorter text, and gives the record as stored', async () => {
      const version = await fill();
      const { hits, more } = await search(suite.store, searchOf('react'));
      expect(hits.map(({ key, score }) => [key, score])).toEqual([
        ['react', 3750],
        ['react-dom', 3375],
        ['lint-react', 3250],
        ['reactive', 2100],
        ['preact', 2063],
        ['tagged', 1250],
      ]);
      expect(more).toBe(false);
      expect(hits[0]).toEqual({ key: 'react', value: JSON.stringify(CORPUS.react), version, score: 3750 });
    });

    it('needs every word, and adds up what they are worth', async () => {
      await fill();
      const scored = async (text: string) =>
        (await search(suite.store, searchOf(text))).hits.map(({ key, score }) => [key, score]);
      expect(await scored('dom react')).toEqual([['react-dom', 6750]]);
      expect(await scored('react library')).toEqual([['react', 5821]]);
      expect(await scored('react nothing')).toEqual([]);
      // A word that is typed twice counts once.
      expect(await scored('library react library')).toEqual([['react', 5821]]);
    });

    it('finds other forms of a word, whatever its case and accents', async () => {
      await fill();
      expect(await find('LIBRARIES')).toEqual(['café', 'react']);
      expect(await find('program')).toEqual(['python']);
      expect(await find('running')).toEqual(['python']);
      expect(await find('CAFE')).toEqual(['café']);
      expect(await find('cafe\u0301')).toEqual(['café']);
      expect(await find('creme brulee')).toEqual(['café']);
    });

    it('takes the last word for the beginning of one, too, which counts half', async () => {
      await fill();
      const { hits } = await search(suite.store, searchOf('rea'));
      expect(hits.map(({ key, score }) => [key, score])).toEqual([
        ['react', 1875],
        ['reactive', 1875],
        ['react-dom', 1687],
        ['lint-react', 1625],
        ['preact', 1031],
        ['tagged', 625],
      ]);
      expect(await find('rea dom')).toEqual([]);
      expect(await find('dom rea')).toEqual(['react-dom']);
      // Not only of the stem, which is "program".
      expect(await find('programs')).toEqual(['python']);
      expect(await find('interprete')).toEqual(['python']);
      expect(await find('chang')).toEqual(['reactive']);
    });

    it('breaks ties by the bytes of the key', async () => {
      const keys = ['b', 'a', 'é', '\u{10000}', '\uffff', 'B', 'a b'];
      await write(suite.store, { puts: keys.map((key) => paper(key, { title: 'same' })) });
      const inOrder = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(await find('same')).toEqual(inOrder);
    });

    it('finds what resembles the words typed, where it is told to, below the words themselves', async () => {
      await fill();
      expect(await find('pyhton')).toEqual([]);
      const similar = await similarTo(suite.store, 'pyhton');
      expect(similar).toEqual([['python']]);
      expect(await find('pyhton', { similar })).toEqual(['python']);
      const two = await similarTo(suite.store, 'raect libary');
      expect(two).toEqual([['react'], ['library']]);
      expect(await find('raect libary', { similar: two })).toEqual(['react']);
      await write(suite.store, { puts: [paper('odd', { abstract: 'pyhton' })] });
      expect(await find('pyhton', { similar })).toEqual(['odd', 'python']);
      expect(await similarTo(suite.store, 'react')).toEqual([['preact']]);
      expect(await similarTo(suite.store, 'xyzzyx ab')).toEqual([[], []]);
      expect(await similarTo(suite.store, '')).toEqual([]);
    });

    it('filters by declared columns and lists', async () => {
      await fill();
      const only = (...where: Filter[]) => find('react', { where });
      expect(await only({ column: 'kind', op: 'eq', value: 'ui' })).toEqual(['react', 'react-dom', 'preact']);
      expect(await only({ column: 'year', op: 'gte', value: 2015 })).toEqual(['react-dom', 'reactive', 'preact']);
      expect(await only({ column: 'tags', op: 'any', values: ['react'] })).toEqual(['lint-react', 'tagged']);
      expect(await only({ column: 'tags', op: 'all', values: ['react', 'lint'] })).toEqual(['lint-react']);
      expect(await only({ column: 'kind', op: 'in', values: ['data', 'food'] })).toEqual(['reactive']);
      expect(await only({ column: 'kind', op: 'in', values: [] })).toEqual([]);
      expect(await only({ column: 'kind', op: 'eq', value: 'ui' }, { column: 'year', op: 'lt', value: 2015 })).toEqual([
        'react',
      ]);
    });

    it('counts all hits, and the values of columns over all hits', async () => {
      await fill();
      const facets = [
        { column: 'kind', limit: 10 },
        { column: 'tags', limit: 10 },
        { column: 'year', limit: 2 },
      ];
      const page = await search(suite.store, searchOf('react', { limit: 2, wantsTotal: true, facets }));
      expect(page.hits).toHaveLength(2);
      expect(page.more).toBe(true);
      expect(page.total).toBe(6);
      expect(page.facets).toEqual({
        kind: [
          { value: 'ui', count: 3 },
          { value: 'tool', count: 2 },
          { value: 'data', count: 1 },
        ],
        tags: [
          { value: 'react', count: 2 },
          { value: 'lint', count: 1 },
        ],
        year: [
          { value: null, count: 2 },
          { value: 2015, count: 2 },
        ],
      });
      const last = page.hits[1]!;
      const after = { score: last.score, key: last.key };
      const where = [{ column: 'kind', op: 'eq', value: 'ui' }] as const;
      const next = await search(suite.store, searchOf('react', { after, where, wantsTotal: true, facets }));
      expect([next.hits.map(({ key }) => key), next.total]).toEqual([['preact'], 3]);
      expect(next.facets.kind).toEqual([{ value: 'ui', count: 3 }]);
      const none = await search(suite.store, searchOf('nothing', { wantsTotal: true, facets }));
      expect(none).toEqual({ hits: [], more: false, total: 0, facets: { kind: [], tags: [], year: [] } });
      expect((await search(suite.store, searchOf('react'))).total).toBeNull();
    });

    it('counts what records have now, also where their texts stayed as they were', async () => {
      const facets = ['kind', 'tags'].map((column) => ({ column, limit: 10 }));
      const counted = async () => {
        const page = await search(suite.store, searchOf('word', { facets }));
        return facets.map(({ column }) =>
          page.facets[column]?.map(({ value, count }) => `${value}:${count}`).join(' '),
        );
      };
      const tagged = (kind: string, tags: readonly Scalar[]) => paper('a', { title: 'word', kind, tags });
      const other = paper('b', { title: 'word', kind: 'x', tags: [2] });
      await write(suite.store, { puts: [tagged('x', [1, 2, 2]), other] });
      expect(await counted()).toEqual(['x:2', '2:2 1:1']);
      await write(suite.store, { puts: [tagged('y', [3])] });
      expect(await counted()).toEqual(['x:1 y:1', '2:1 3:1']);
      await write(suite.store, { puts: [tagged('y', [])] });
      expect(await counted()).toEqual(['x:1 y:1', '2:1']);
    });

    it('pages on while others write: what stays is shown once', async () => {
      const { store } = suite;
      const names = Array.from({ length: 30 }, (_, place) => `k${String(place).padStart(2, '0')}`);
      const titled = (key: string, words: number) => paper(key, { title: `word${' more'.repeat(words)}` });
      await write(store, { puts: names.map((key, place) => titled(key, place % 4)) });
      const whole = await find('word');
      for (const limit of [1, 7, 30]) {
        const seen: string[] = [];
        for (let after: SearchPosition | null = null; ; ) {
          const page = await search(store, searchOf('word', { limit, after }));
          seen.push(...page.hits.map(({ key }) => key));
          const last = page.hits.at(-1);
          if (!page.more || last === undefined) break;
          after = { score: last.score, key: last.key };
        }
        expect(seen).toEqual(whole);
      }
      const first = await search(store, searchOf('word', { limit: 10 }));
      const last = first.hits[9]!;
      // The one that the position stands on goes, one from ahead comes to stand behind, and a new one ranks first.
      const ahead = whole[20]!;
      await write(store, {
        deletes: [{ collection: 'papers', key: last.key }],
        puts: [titled(ahead, 0), paper('a new one', { title: 'word' })],
      });
      const rest = await find('word', { after: { score: last.score, key: last.key } });
      expect(rest).toEqual(whole.slice(10).filter((key) => key !== ahead));
    });

    it('shows at once what was written, changed, deleted, or has left the index', async () => {
      const { store } = suite;
      await fill();
      await write(store, { puts: [paper('react', { title: 'vue' })] });
      expect(await find('vue')).toEqual(['react']);
      expect((await find('react')).includes('react')).toBe(false);
      await write(store, { deletes: [{ collection: 'papers', key: 'react' }] });
      expect(await find('vue')).toEqual([]);
      await write(store, { puts: [{ ...paper('react-dom', {}), rows: {} }, paper('preact', {})] });
      expect(await find('react')).toEqual(['lint-react', 'reactive', 'tagged']);
      // The same texts with another value and kind: only these change.
      const version = await write(store, { puts: [paper('reactive', { ...CORPUS.reactive, kind: 'new' })] });
      const { hits } = await search(
        store,
        searchOf('reactive', { where: [{ column: 'kind', op: 'eq', value: 'new' }] }),
      );
      expect(hits).toEqual([
        { key: 'reactive', version, score: 3750, value: JSON.stringify({ ...CORPUS.reactive, kind: 'new' }) },
      ]);
      await write(store, { puts: [paper('reactive', { abstract: 'reactive' })] });
      expect((await search(store, searchOf('reactive'))).hits.map(({ score }) => score)).toEqual([2500]);
    });

    it('takes commits that bring the same new words at once', async () => {
      const { store } = suite;
      const words = Array.from({ length: 30 }, (_, place) => `word${place}x`);
      const turned = (by: number) => [...words.slice(by), ...words.slice(0, by)].join(' ');
      const puts = words.map((word, place) => paper(word, { title: turned(place), abstract: turned(29 - place) }));
      await Promise.all(puts.map((put) => write(store, { puts: [put] })));
      expect((await find('word7x')).length).toBe(30);
      expect(await similarTo(store, 'wrod7x')).toContainEqual(expect.arrayContaining(['word7x']));
    });

    it('is as it was when a commit is refused', async () => {
      const { store } = suite;
      await write(store, { puts: [paper('a', { title: 'kept', owner: 'ada' })] });
      const check = { kind: 'record', collection: 'papers', key: 'a', version: null } as const;
      const changes = [paper('a', { title: 'lost', owner: 'bob' }), paper('b', { title: 'lost' })];
      expect(await store.commit(commitOf({ checks: [check], puts: changes }))).toMatchObject({ ok: false });
      const rival = paper('c', { title: 'lost', owner: 'ada' });
      expect(await store.commit(commitOf({ puts: [paper('b', { title: 'lost' }), rival] }))).toMatchObject({
        ok: false,
        reason: 'unique',
      });
      expect(await find('kept')).toEqual(['a']);
      expect(await find('lost')).toEqual([]);
      await write(store, { puts: [paper('b', { title: 'kept' })] });
      expect(await find('kept')).toEqual(['a', 'b']);
    });

    it('hides what has expired from hits, total and facets, and loses it when it is swept', async () => {
      const { store, clock } = suite;
      const soon = clock.now() + 1000;
      await write(store, { puts: [paper('a', { title: 'word', kind: 'x' }, soon), paper('b', { title: 'word' })] });
      const look = async () => {
        const facets = [{ column: 'kind', limit: 9 }];
        const page = await search(store, searchOf('word', { wantsTotal: true, facets }));
        return [page.hits.map(({ key }) => key).join(''), page.total, page.facets.kind?.length];
      };
      expect(await look()).toEqual(['ab', 2, 2]);
      clock.advance(1000);
      expect(await look()).toEqual(['b', 1, 1]);
      expect(await store.sweepExpired(10)).toBe(1);
      clock.advance(-1000);
      expect(await look()).toEqual(['b', 1, 1]);
      // A later time for the same texts.
      await write(store, { puts: [paper('b', { title: 'word' }, soon)] });
      clock.advance(1000);
      expect(await look()).toEqual(['', 0, 0]);
    });

    it('takes whatever is typed for words', async () => {
      await fill();
      const typed: readonly (readonly [string, string, string | undefined])[] = [
        ['nothing', '', undefined],
        ['spaces', ' \t\n', undefined],
        ['signs', '!?.,;-*"\'`()[]{}<>|&^%$#@~+=\\/', undefined],
        ['emoji', '😀👩‍👩‍👧', undefined],
        ['a star', 'react*', 'react'],
        ['a quote that is not closed', '"react', 'react'],
        ['quotes', `"react" 'dom'`, 'react-dom'],
        ['signs of exclusion', '-react !dom', 'react-dom'],
        ['and, or and brackets', 'react & (dom | package)', 'react-dom'],
        ['a column', 'title:react', undefined],
        ['columns', '{title abstract}: react', undefined],
        ['a caret', '^react', 'react'],
        ['a prefix of PostgreSQL', "react':*", 'react'],
        ['backslashes and quotes', '\\\'react\\\' \\"dom\\"', 'react-dom'],
        ['words that are operators elsewhere', 'react NEAR(dom)', undefined],
        ['AND', 'react AND dom', undefined],
        ['OR', 'react OR vue', undefined],
        ['NOT', 'NOT react', undefined],
        ['control characters', 'react\u0001\u001fdom\u007f', 'react-dom'],
        ['one word of 10 000 letters', 'x'.repeat(10_000), undefined],
        ['one word 2000 times', 'react '.repeat(2000), 'react'],
      ];
      for (const [what, text, best] of typed) {
        expect([what, (await find(text))[0]]).toEqual([what, best]);
        await similarTo(suite.store, text);
      }
    });

    recordSearchModel(suite);

    it('is filled again where the records are loaded', async () => {
      await fill();
      const { store: other } = await suite.elsewhere();
      const dump = await suite.store.dump();
      const puts: (DumpedRecord & { readonly collection: string })[] = [];
      for await (const batch of dump.records('papers'))
        puts.push(...batch.map((record) => ({ ...record, collection: 'papers' })));
      await dump.close();
      const load = await other.load({ origin: 'the test', at: '2026-01-02T03:04:05.006Z', replace: false });
      await load.write({ puts, deletes: [], events: [] });
      await load.finish(dump.sequence);
      await other.migrate([PAPERS], (_, key, value) => paper(key, JSON.parse(value)).rows);
      for (const text of ['react', 'librar', 'react dom']) {
        expect((await search(other, searchOf(text))).hits.map(({ key, score }) => [key, score])).toEqual(
          (await search(suite.store, searchOf(text))).hits.map(({ key, score }) => [key, score]),
        );
      }
      expect(await similarTo(other, 'pyhton')).toEqual([['python']]);
    });

    it('lets the first 16 words of a long query count', async () => {
      const words = Array.from({ length: 1500 }, (_, place) => `w${place}x`);
      await write(suite.store, { puts: [paper('a', { title: words.slice(0, 16).join(' ') })] });
      expect(await find(words.join(' '))).toEqual(['a']);
      expect(await find(['none', ...words].join(' '))).toEqual([]);
      const similar = await similarTo(suite.store, words.join(' '));
      expect(await find(words.join(' '), { similar })).toEqual(['a']);
    });

    it('refuses NUL, and an index without texts', async () => {
      const { store } = suite;
      const refused = expect.objectContaining({ code: 'VALUE_INVALID' });
      expect(() => store.search?.(searchOf('a\0b'))).toThrow(refused);
      expect(() => store.search?.(searchOf('\ud800'))).toThrow(refused);
      expect(() => store.search?.(searchOf('a', { limit: 0 }))).toThrow(refused);
      const misused = expect.objectContaining({ code: 'INTERNAL' });
      expect(() => store.search?.(searchOf('a', { index: 'papers.owners' }))).toThrow(misused);
      expect(() => store.search?.(searchOf('a', { facets: [{ column: 'title', limit: 1 }] }))).toThrow(misused);
    });

    it('searches texts with anything in them, and the first 10 000 characters of long ones', async () => {
      const { store } = suite;
      const long = `first ${'filler '.repeat(1500)} last`;
      await write(store, {
        puts: [
          paper('odd', { title: 'nul \0 half \ud83d quote\'s "x" \\ %_ 😀', abstract: "it's a:b c&d|e !f <-> g*" }),
          paper('long', { title: long, abstract: 'y'.repeat(20_000), tags: [1, true, null, 'texted'] }),
        ],
      });
      for (const word of ['nul', 'half', 'quote', 'a b', 'c d e f g']) expect(await find(word)).toEqual(['odd']);
      expect(await find('first')).toEqual(['long']);
      expect(await find('last')).toEqual([]);
      expect(await find('texted')).toEqual(['long']);
      expect(await find('y'.repeat(64))).toEqual(['long']);
    });

    it('is filled from the stored records when an index gains texts or changes their weights', async () => {
      const { store } = suite;
      const [texts, owners] = PAPERS.indexes;
      const { text, ...plain } = texts!;
      const before = { name: 'late', indexes: [{ ...plain, name: 'late.texts' }] };
      await store.migrate([before], () => ({}));
      const puts = Object.entries(CORPUS).map(([key, fields]) => {
        const { title, abstract, ...rest } = { ...paper(key, fields).rows['papers.texts'] };
        return { ...paper(key, fields), collection: 'late', rows: { 'late.texts': rest } };
      });
      await write(store, { puts });
      const project = (_: string, key: string, value: string) => ({
        'late.texts': { ...paper(key, JSON.parse(value)).rows['papers.texts'] },
      });
      const asked = searchOf('react', { collection: 'late', index: 'late.texts' });
      const found = async () => (await search(store, asked)).hits.map(({ key, score }) => `${key} ${score}`);
      await store.migrate([{ name: 'late', indexes: [{ ...plain, name: 'late.texts', text }] }], project);
      expect((await found()).slice(0, 2)).toEqual(['react 3750', 'react-dom 3375']);
      const heavier = [
        { column: 'tags', weight: 5 },
        { column: 'title', weight: 1 },
      ];
      await store.migrate([{ name: 'late', indexes: [{ ...plain, name: 'late.texts', text: heavier }] }], project);
      expect((await found()).slice(0, 3)).toEqual(['tagged 6250', 'lint-react 5625', 'react 1250']);
      expect(owners?.text).toBeUndefined();
    });
  });
}
