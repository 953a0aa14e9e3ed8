import { expect, it } from 'vitest';
import type { Commit, Filter, IndexQuery, Order, Scalar } from '../../src/ports/record-store.ts';
import { claim, commitOf, type ItemRow, item, itemQuery, keysOf, type RecordSuite } from './record-fixture.ts';

/** The store as one would describe it in a sentence each: a map that is filtered and sorted. */
interface ModelRecord {
  readonly row: ItemRow | null;
  readonly slot: Scalar | undefined;
  readonly expiresAt: number | null;
  readonly version: number;
}

const SCALARS: readonly Scalar[] = [null, false, true, -2.5, 0, 1, 10, '', 'a', 'ab', 'b', '\uffff', '😀'];
const COLUMNS = ['name', 'rank', 'flag'] as const;
const OPERATIONS = 1000;

export function recordModelSuite(suite: RecordSuite): void {
  it.each([1, 2, 3])(`agrees with a plain model over ${OPERATIONS} random operations (seed %i)`, async (seed) => {
    const { store, clock } = suite;
    const random = createRandom(seed);
    const model = new Map<string, ModelRecord>();
    const isAlive = ({ expiresAt }: ModelRecord): boolean => expiresAt === null || expiresAt > clock.now();
    const living = (): [string, ModelRecord][] => [...model].filter(([, record]) => isAlive(record));
    let version = 0;

    const randomRow = (): ItemRow => ({
      name: random.pick(SCALARS),
      rank: random.pick(SCALARS),
      flag: random.pick(SCALARS),
      tags: random.some(SCALARS),
      marks: random.some(SCALARS),
    });

    function randomCommit(): Commit {
      const keys = random.some(Array.from({ length: 40 }, (_, place) => `k${place}${place % 5 === 0 ? '/😀' : ''}`));
      const puts = keys.flatMap((key) => {
        const expiresAt = random.below(4) === 0 ? clock.now() + random.below(50) : null;
        const kind = random.below(10);
        if (kind < 2) return [];
        return [
          kind < 4 ? claim(key, { owner: 'o', slot: random.below(30) }, expiresAt) : item(key, randomRow(), expiresAt),
        ];
      });
      const put = new Set(puts.map(({ key }) => key));
      const deletes = keys.filter((key) => !put.has(key)).map((key) => ({ collection: 'items', key }));
      const checked = `k${random.below(40)}`;
      const stored = model.get(checked);
      const seen = stored !== undefined && isAlive(stored) ? stored.version : null;
      const claimed = random.below(5) === 0 ? 12_345 : seen;
      return commitOf({
        checks: [{ kind: 'record', collection: 'items', key: checked, version: claimed }],
        puts,
        deletes,
      });
    }

    async function commitBoth(): Promise<void> {
      const commit = randomCommit();
      const result = await store.commit(commit);
      const [check] = commit.checks;
      if (check?.kind === 'record' && check.version === 12_345) {
        expect(result).toMatchObject({ ok: false, reason: 'check' });
        return;
      }
      const next = new Map(model);
      for (const { key } of commit.deletes) next.delete(key);
      for (const { key, rows, expiresAt } of commit.puts) {
        const row = (rows['items.all'] ?? null) as ItemRow | null;
        next.set(key, {
          row,
          slot: (rows['items.claims']?.slot ?? undefined) as Scalar | undefined,
          expiresAt,
          version: result.ok ? result.version : -1,
        });
      }
      const slots = [...next.values()]
        .filter((record) => isAlive(record) && record.slot !== undefined)
        .map(({ slot }) => slot);
      if (new Set(slots).size < slots.length) {
        expect(result).toMatchObject({ ok: false, reason: 'unique', keyName: 'one_per_slot' });
        return;
      }
      if (!result.ok) throw new Error(`The commit was refused: ${JSON.stringify(result)}`);
      if (commit.puts.length + commit.deletes.length > 0) {
        expect(result.version).toBeGreaterThan(version);
        version = result.version;
      }
      model.clear();
      for (const [key, record] of next) model.set(key, record);
    }

    async function queryBoth(): Promise<void> {
      const where = random.some([0, 1, 2]).map(() => randomFilter(random));
      const order: Order[] = random.some(COLUMNS).map((column) => ({ column, descending: random.below(2) === 0 }));
      const after =
        random.below(2) === 0 ? null : { values: order.map(() => random.pick(SCALARS)), key: `k${random.below(40)}` };
      const query = itemQuery({ where, order, after, limit: 1 + random.below(12) });
      const fitting = living().filter(([, { row }]) => row !== null && where.every((filter) => fits(row, filter)));
      const sorted = fitting
        .map(([key, { row }]) => ({ key, values: order.map(({ column }) => scalarOf(row, column)) }))
        .toSorted((a, b) => compareIn(order, a, b))
        .filter((entry) => after === null || compareIn(order, entry, after) > 0);
      const page = await store.query(query);
      expect({ query, keys: keysOf(page), more: page.more }).toEqual({
        query,
        keys: sorted.slice(0, query.limit).map(({ key }) => key),
        more: sorted.length > query.limit,
      });
      expect(page.records.map(({ position }) => position)).toEqual(
        sorted.slice(0, query.limit).map(({ values }) => values),
      );
      expect(await store.count(query)).toBe(fitting.length);
    }

    async function readBoth(): Promise<void> {
      const prefix = random.pick(['', 'k', 'k1', 'k5/', 'x']);
      const all = living()
        .filter(([key]) => key.startsWith(prefix))
        .toSorted(([a], [b]) => bytewise(a, b));
      const page = await store.list({ collection: 'items', prefix, after: null, limit: 100 });
      expect(page.records.map(({ key, version }) => [key, version])).toEqual(
        all.map(([key, record]) => [key, record.version]),
      );
      const keys = random.some(['k1', 'k2', 'k3', 'k10/😀']);
      const found = await store.getMany('items', keys);
      const alive = new Map(living());
      expect(found.map((record) => record?.version)).toEqual(keys.map((key) => alive.get(key)?.version));
    }

    for (let done = 0; done < OPERATIONS; done++) {
      const kind = random.below(10);
      if (kind < 4) await commitBoth();
      else if (kind < 8) await queryBoth();
      else if (kind < 9) await readBoth();
      else if (random.below(3) === 0) await store.sweepExpired(1 + random.below(5));
      else clock.advance(random.below(10));
    }
    expect(model.size).toBeGreaterThan(10);
  });
}

function randomFilter(random: Random): Filter {
  const column = random.pick(COLUMNS);
  switch (random.below(6)) {
    case 0:
      return { column, op: 'prefix', value: random.pick(['', 'a', 'ab', '😀']) };
    case 1:
      return { column, op: 'in', values: random.some(SCALARS) };
    case 2:
      return { column: random.pick(['tags', 'marks']), op: 'any', values: random.some(SCALARS).slice(0, 2) };
    case 3:
      return { column: random.pick(['tags', 'marks']), op: 'all', values: random.some(SCALARS).slice(0, 2) };
    case 4:
      return { column, op: random.pick(['gt', 'gte', 'lt', 'lte']), value: random.pick(SCALARS) };
    default:
      return { column, op: 'eq', value: random.pick(SCALARS) };
  }
}

function fits(row: ItemRow, filter: Filter): boolean {
  if (filter.op === 'any' || filter.op === 'all') {
    const elements: readonly Scalar[] = (filter.column === 'tags' ? row.tags : row.marks) ?? [];
    return filter.op === 'any'
      ? filter.values.some((value) => elements.includes(value))
      : filter.values.every((value) => elements.includes(value));
  }
  const held = scalarOf(row, filter.column);
  if ('values' in filter) return filter.values.includes(held);
  if (filter.op === 'prefix') return typeof held === 'string' && held.startsWith(filter.value);
  if (filter.op === 'eq') return held === filter.value;
  if (typeof held !== typeof filter.value || (held === null) !== (filter.value === null)) return false;
  const order = compareScalars(held, filter.value);
  return { gt: order > 0, gte: order >= 0, lt: order < 0, lte: order <= 0 }[filter.op];
}

function scalarOf(row: ItemRow | null, column: string): Scalar {
  const values: Readonly<Record<string, Scalar | undefined>> = { name: row?.name, rank: row?.rank, flag: row?.flag };
  return values[column] ?? null;
}

function compareIn(
  order: IndexQuery['order'],
  a: { readonly values: readonly Scalar[]; readonly key: string },
  b: { readonly values: readonly Scalar[]; readonly key: string },
): number {
  for (const [place, { descending }] of order.entries()) {
    const difference = compareScalars(a.values[place] ?? null, b.values[place] ?? null);
    if (difference !== 0) return descending ? -difference : difference;
  }
  return bytewise(a.key, b.key);
}

function compareScalars(a: Scalar, b: Scalar): number {
  const types = ['object', 'boolean', 'number', 'string'];
  if (typeof a !== typeof b) return types.indexOf(typeof a) - types.indexOf(typeof b);
  return typeof a === 'string' ? bytewise(a, String(b)) : Number(a) - Number(b);
}

function bytewise(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export interface Random {
  /** A whole number from 0 to `end`, without it. */
  below(end: number): number;
  pick<T>(values: readonly T[]): T;
  /** Some of the values, none twice, in any order; few more often than many. */
  some<T>(values: readonly T[]): readonly T[];
}

/** Mulberry32: small, seeded, good enough to choose test cases. */
export function createRandom(seed: number): Random {
  let state = seed;
  const below = (end: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end;
  };
  return {
    below,
    pick: (values) => values[below(values.length)] as (typeof values)[number],
    some(values) {
      const rest = [...values];
      const count = below(Math.min(4, values.length + 1));
      return Array.from({ length: count }, () => rest.splice(below(rest.length), 1)).flat();
    },
  };
}
