import { describe, expect, it } from 'vitest';
import type { Filter, Order, Scalar } from '../../src/ports/record-store.ts';
import { item, itemQuery, keysOf, type RecordSuite, readAll, write } from './record-fixture.ts';

/** One of each type, and neighbours that are easily confused, in order. */
const IN_ORDER: readonly Scalar[] = [
  null,
  false,
  true,
  -1.7976931348623157e308,
  -10,
  -9,
  -0.5,
  0,
  5e-324,
  1,
  2,
  9,
  10,
  2 ** 53,
  1e300,
  '',
  '0',
  '10',
  '9',
  'A',
  'a',
  'a b',
  'ab',
  'é',
  '\u{e000}',
  '\uffff',
  '\u{10000}',
  '😀',
];

export function recordQuerySuite(suite: RecordSuite): void {
  describe('queries', () => {
    const keyed = (place: number): string => `k${String(place).padStart(2, '0')}`;

    async function putAll(): Promise<void> {
      const puts = IN_ORDER.map((rank, place) => item(keyed(place), { name: 'n', rank, tags: [rank] }));
      await write(suite.store, { puts: puts.toReversed() });
    }

    it.each([
      ['up', false],
      ['down', true],
    ])('sorts scalars of all types %s, and gives them back', async (_, descending) => {
      await putAll();
      const page = await suite.store.query(itemQuery({ order: [{ column: 'rank', descending }] }));
      const values = page.records.map(({ position }) => position[0]);
      expect(values).toEqual(descending ? IN_ORDER.toReversed() : IN_ORDER);
    });

    it('compares a range with values of the same type only', async () => {
      await putAll();
      for (const [place, bound] of IN_ORDER.entries()) {
        for (const op of ['eq', 'gt', 'gte', 'lt', 'lte'] as const) {
          const expected = IN_ORDER.flatMap((value, other) => {
            if (typeof value !== typeof bound || (value === null) !== (bound === null)) return [];
            const order = other - place;
            const fits = { eq: order === 0, gt: order > 0, gte: order >= 0, lt: order < 0, lte: order <= 0 }[op];
            return fits ? [keyed(other)] : [];
          });
          const where: Filter[] = [{ column: 'rank', op, value: bound }];
          expect([op, bound, keysOf(await suite.store.query(itemQuery({ where })))]).toEqual([op, bound, expected]);
          expect(await suite.store.count(itemQuery({ where }))).toBe(expected.length);
        }
      }
    });

    it('finds by prefix, by several values, and by elements of lists', async () => {
      const { store } = suite;
      await write(store, {
        puts: [
          item('1', { name: 'ab', tags: ['x'], marks: [1] }),
          item('2', { name: 'abc', tags: ['x', 'y'], marks: [1, 2] }),
          item('3', { name: 'b', tags: ['x', 'y', 'z', 'x'] }),
          item('4', { name: 'ab\u{10ffff}', flag: true, tags: ['y', 7] }),
          item('5', { name: 5 }),
        ],
      });
      const find = async (...where: Filter[]) => {
        const keys = keysOf(await store.query(itemQuery({ where })));
        expect(await store.count(itemQuery({ where }))).toBe(keys.length);
        return keys.join('');
      };
      const tags = (op: 'any' | 'all', ...values: Scalar[]): Filter => ({ column: 'tags', op, values });
      expect(await find({ column: 'name', op: 'prefix', value: 'ab' })).toBe('124');
      expect(await find({ column: 'name', op: 'prefix', value: 'ab\u{10ffff}' })).toBe('4');
      expect(await find({ column: 'name', op: 'prefix', value: '' })).toBe('1234');
      expect(await find({ column: 'name', op: 'in', values: ['ab', 'b', 'ab', 'none'] })).toBe('13');
      expect(await find({ column: 'name', op: 'in', values: [] })).toBe('');
      expect(await find(tags('any', 'x'))).toBe('123');
      expect(await find(tags('any', 'x', 7))).toBe('1234');
      expect(await find(tags('any'))).toBe('');
      expect(await find(tags('all', 'x'))).toBe('123');
      expect(await find(tags('all', 'x', 'y'))).toBe('23');
      expect(await find(tags('all', 'z', 'y', 'x'))).toBe('3');
      expect(await find(tags('all', 'x', 'none'))).toBe('');
      expect(await find(tags('all'))).toBe('12345');
      expect(await find(tags('all', 'x'), tags('all', 'y'))).toBe('23');
      expect(await find(tags('any', 'x'), { column: 'marks', op: 'all', values: [1] })).toBe('12');
      expect(await find(tags('any', 'y'), { column: 'flag', op: 'eq', value: true })).toBe('4');
      expect(await find(tags('any', 'x', 'y'), { column: 'name', op: 'gt', value: 'ab' })).toBe('234');
      expect(await find({ column: 'name', op: 'gt', value: 'ab' }, { column: 'name', op: 'lte', value: 'abc' })).toBe(
        '2',
      );
    });

    it('shows the same page to who does not ask whether there are more', async () => {
      await putAll();
      const query = itemQuery({ order: [{ column: 'rank', descending: true }], limit: 5 });
      const asking = await suite.store.query(query);
      const { records } = await suite.store.query({ ...query, wantsMore: false });
      expect(asking.more).toBe(true);
      expect(records).toEqual(asking.records);
      const after = { values: records[4]!.position, key: records[4]!.key };
      const next = await suite.store.query({ ...query, after, wantsMore: false });
      expect(next.records).toEqual((await suite.store.query({ ...query, after })).records);
      expect(next.records).toHaveLength(5);
    });

    it('does not show records that are not in the index', async () => {
      const { store } = suite;
      await write(store, { puts: [item('a'), { ...item('b'), rows: {} }, item('c')] });
      await write(store, { puts: [{ ...item('c'), rows: {} }] });
      expect(keysOf(await store.query(itemQuery({})))).toEqual(['a']);
    });

    const orders: readonly (readonly Order[])[] = [
      [],
      [{ column: 'rank', descending: false }],
      [{ column: 'rank', descending: true }],
      [
        { column: 'rank', descending: true },
        { column: 'name', descending: false },
      ],
      [
        { column: 'name', descending: true },
        { column: 'rank', descending: false },
        { column: 'flag', descending: true },
      ],
    ];
    it.each(orders.map((order) => [JSON.stringify(order), order] as const))(
      'pages in the order %s',
      async (_, order) => {
        const { store } = suite;
        const puts = Array.from({ length: 90 }, (_, place) =>
          item(`k${(place * 37) % 90}`, {
            name: `n${place % 3}`,
            rank: place % 5 === 0 ? null : place % 7,
            flag: place % 2 === 0,
            tags: place % 2 === 0 ? ['even', 'all'] : ['all'],
          }),
        );
        await write(store, { puts });
        for (const where of [
          [],
          [{ column: 'name', op: 'eq', value: 'n1' }],
          [{ column: 'tags', op: 'any', values: ['even'] }],
          [{ column: 'tags', op: 'any', values: ['even', 'all'] }],
        ] satisfies Filter[][]) {
          const whole = keysOf(await store.query(itemQuery({ where, order })));
          expect(new Set(whole).size).toBe(await store.count(itemQuery({ where })));
          for (const limit of [1, 7, 89]) {
            expect(await readAll(store, itemQuery({ where, order, limit }))).toEqual(whole);
          }
        }
      },
    );

    it('pages on while others write: what stays is shown once, and nothing that lies behind comes again', async () => {
      const { store } = suite;
      const order = [{ column: 'rank', descending: true }];
      await write(store, { puts: Array.from({ length: 30 }, (_, place) => item(`k${place}`, { rank: place })) });
      let round = 0;
      const seen = await readAll(store, itemQuery({ order, limit: 5 }), async (page) => {
        round++;
        const last = page.records.at(-1);
        // Deletes the record that the cursor stands on, moves one from ahead to behind, and puts one behind.
        await write(store, {
          deletes: last === undefined ? [] : [{ collection: 'items', key: last.key }],
          puts: [item(`k${round - 1}`, { rank: 1000 + round }), item(`new${round}`, { rank: 500 })],
        });
      });
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.some((key) => key.startsWith('new'))).toBe(false);
      expect(seen).toEqual(expect.arrayContaining(Array.from({ length: 24 }, (_, place) => `k${place + 6}`)));
    });
  });
}
